/* SPDX-License-Identifier: MIT */
/*
 * The shapes that optimisers like: malloc and memset that could be one calloc, an
 * allocation in tail position, blocks whose size is a constant, a realloc in a loop. Built
 * by several compilers at all levels; with -fno-builtin all calls must remain.
 */
#include <stdlib.h>
#include <string.h>

#include "truth.h"

#define ROUNDS 2000

static struct truth_count zeroed_count, tail_count, grown_count;
static void *volatile sink;

static TRUTH_SITE void *zeroed(size_t size)
{
	void *block = malloc(size);

	memset(block, 0, size);
	return block;
}

static TRUTH_SITE void *grown(void *block, size_t size)
{
	void *bigger = realloc(block, size);

	*(volatile char *)bigger = 1; /* so that this is no tail call */
	return bigger;
}

/* In tail position; -fno-optimize-sibling-calls keeps its frame. */
static TRUTH_SITE void *in_tail(size_t size)
{
	return calloc(1, size);
}

int main(void)
{
	for (size_t i = 1; i <= ROUNDS; i++) {
		char *block = zeroed(i);

		truth_allocated(&zeroed_count, i);
		if (block[i / 2])
			return 2;
		sink = block;
		free(block);
		truth_freed(&zeroed_count, i);
		sink = in_tail(64);
		truth_allocated(&tail_count, 64);
	}
	for (size_t size = 1; size <= 1 << 12; size *= 2) {
		sink = grown(size == 1 ? NULL : sink, size);
		if (size > 1)
			truth_freed(&grown_count, size / 2);
		truth_allocated(&grown_count, size);
	}
	truth_site("zeroed", &zeroed_count, NULL);
	truth_site("in_tail", &tail_count, NULL);
	truth_site("grown", &grown_count, NULL);
	truth_print();
	return 0;
}
