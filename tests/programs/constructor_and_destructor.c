/* SPDX-License-Identifier: MIT */
/*
 * Allocates in its own constructors and destructors and is linked to a library that does
 * the same (lifecycle_library.c); the counts of what comes after main are known ahead.
 */
#include <stdlib.h>

#include "truth.h"

int lifecycle_library_constructed(void);

static void *first;

static TRUTH_SITE void *in_constructor(size_t size)
{
	return malloc(size);
}

static TRUTH_SITE void *in_destructor(size_t size)
{
	return malloc(size);
}

static __attribute__((constructor(101))) void construct(void)
{
	first = in_constructor(501);
}

static __attribute__((destructor(101))) void destroy(void)
{
	free(first);
	free(in_destructor(502));
	if (!in_destructor(503)) /* left unfreed */
		abort();
}

int main(void)
{
	struct truth_count own_constructor = {1, 501, 0, 0};
	struct truth_count own_destructor = {2, 502 + 503, 1, 503};
	struct truth_count constructor = {6, 3 * 1001 + 3 * 1002, 2, 1001 + 1002};
	struct truth_count destructor = {4, 2 * 1003 + 2 * 1004, 2, 1003 + 1004};

	if (!lifecycle_library_constructed())
		return 3;
	truth_site("in_constructor", &own_constructor, NULL);
	truth_site("in_destructor", &own_destructor, NULL);
	truth_site("in_library_constructor", &constructor, NULL);
	truth_site("in_library_destructor", &destructor, NULL);
	truth_print();
	return 0;
}
