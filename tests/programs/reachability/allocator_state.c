/* SPDX-License-Identifier: MIT */
/*
 * The allocator's own variables point to its free memory and to the memory it has not given
 * out yet, that is, to the bytes next to lost blocks, and within the last word of a block
 * that fills its place. None of that holds a block.
 */
#include "leak_case.h"

enum {
	SIZES = 600,
	FILLERS = 64
};

static void *volatile barrier;

/* Lost blocks of all sizes, a free neighbour behind each. */
static LEAK_SITE void between_free_memory(void)
{
	void *fillers[FILLERS];

	for (size_t i = 0; i < FILLERS; i++) {
		leak_block(24 + 16 * (i % 8), LEAK_DEFINITE);
		fillers[i] = calloc(1, 1200 + 64 * i);
		leak_escape(fillers[i]);
	}
	leak_block(24, LEAK_DEFINITE);
	for (size_t i = 0; i < FILLERS; i++)
		free(fillers[i]);
	/* Makes the allocator sort them into its bins. */
	barrier = leak_block(90000, LEAK_REACHABLE);
}

static LEAK_SITE void build(void)
{
	between_free_memory();
	for (size_t size = 1; size <= SIZES; size++)
		leak_block(size, LEAK_DEFINITE);
	/* The last before the memory that was not given out yet. */
	leak_block(200024, LEAK_DEFINITE);
	leak_block(24, LEAK_DEFINITE);
}

int main(void)
{
	return leak_case(build);
}
