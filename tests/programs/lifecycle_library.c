/* SPDX-License-Identifier: MIT */
/*
 * A library that allocates in constructors and destructors, early and late ones; loaded by
 * constructor_and_destructor. Each constructor makes three blocks of its own size; the
 * destructors free two of each, make two more and free one.
 */
#include <stdlib.h>

#include "truth.h"

#define BLOCKS 3

static void *early[BLOCKS], *late[BLOCKS];

int lifecycle_library_constructed(void);

/* Whether the constructors have run; and what makes the linker keep the library. */
int lifecycle_library_constructed(void)
{
	return early[0] && late[0];
}

static TRUTH_SITE void *in_library_constructor(size_t size)
{
	return malloc(size);
}

static TRUTH_SITE void *in_library_destructor(size_t size)
{
	return malloc(size);
}

static void make(void **blocks, size_t size)
{
	for (int i = 0; i < BLOCKS; i++)
		blocks[i] = in_library_constructor(size);
}

static void unmake(void **blocks, size_t size)
{
	void *block = in_library_destructor(size);

	free(blocks[0]);
	free(blocks[1]);
	free(block);
	if (!in_library_destructor(size)) /* left unfreed */
		abort();
}

static __attribute__((constructor(101))) void construct_early(void)
{
	make(early, 1001);
}

static __attribute__((constructor)) void construct_late(void)
{
	make(late, 1002);
}

static __attribute__((destructor)) void destroy_early(void)
{
	unmake(late, 1003);
}

static __attribute__((destructor(101))) void destroy_late(void)
{
	unmake(early, 1004);
}
