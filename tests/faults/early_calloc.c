/* SPDX-License-Identifier: MIT */
/*
 * A library to be preloaded whose constructor, one of the first to run, allocates large
 * zeroed blocks and looks for symbols that do not exist, which allocates within the loader.
 * The program adds what it did to its own truth (early_calloc_truth).
 */
#include <dlfcn.h>
#include <stdlib.h>

#include "early_calloc.h"

#define BLOCKS 40
#define BYTES (1 << 20)
#define MISSING 50

static struct truth_count count;
static void *held[BLOCKS];

static TRUTH_SITE void *in_early_constructor(size_t count_of, size_t bytes)
{
	return calloc(count_of, bytes);
}

__attribute__((constructor(101))) static void allocate_early(void)
{
	for (int i = 0; i < MISSING; i++)
		if (dlsym(RTLD_NEXT, "there is no such symbol"))
			abort();
	for (int i = 0; i < BLOCKS; i++) {
		const char *bytes = held[i] = in_early_constructor(BYTES / 64, 64);

		if (!bytes || bytes[0] || bytes[BYTES - 1])
			abort();
		truth_allocated(&count, BYTES);
	}
	for (int i = 1; i < BLOCKS; i++) {
		free(held[i]);
		truth_freed(&count, BYTES);
	}
}

struct truth_count early_calloc_truth(void)
{
	return count;
}
