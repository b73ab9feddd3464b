/* SPDX-License-Identifier: MIT */
/*
 * A block that is not cleared begins with what the allocator kept there while its memory
 * was free: links to other free memory, next to blocks that are lost. They hold none of
 * these.
 */
#include "leak_case.h"

enum {
	PAIRS = 40,
	FILLER_BYTES = 1400
};

static void *volatile kept[PAIRS];

static LEAK_SITE void build(void)
{
	void *fillers[PAIRS];

	for (size_t i = 0; i < PAIRS; i++) {
		/* Its last word is where the next chunk begins. */
		leak_block(24 + 16 * (i % 4), LEAK_DEFINITE);
		fillers[i] = calloc(1, FILLER_BYTES);
		leak_escape(fillers[i]);
	}
	leak_block(24, LEAK_DEFINITE);
	for (size_t i = 0; i < PAIRS; i++)
		free(fillers[i]);
	for (size_t i = 0; i < PAIRS; i++) {
		kept[i] = malloc(FILLER_BYTES);
		leak_expect(LEAK_REACHABLE, 1, FILLER_BYTES);
	}
}

int main(void)
{
	return leak_case(build);
}
