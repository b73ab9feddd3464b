/* SPDX-License-Identifier: MIT */
/*
 * The allocator gives a few bytes more than it was asked for. What they still hold of an
 * earlier life is not the program's: words beyond the requested size are no pointers.
 */
#include <string.h>

#include "leak_case.h"

enum {
	BLOCKS = 20
};

static void *volatile kept[BLOCKS];

static LEAK_SITE void build(void)
{
	void *former[BLOCKS];

	for (size_t i = 0; i < BLOCKS; i++) {
		former[i] = calloc(1, 56);
		leak_escape(former[i]);
		for (size_t word = 0; word < 7; word++)
			leak_put(former[i], word, leak_block(80, LEAK_DEFINITE));
	}
	for (size_t i = 0; i < BLOCKS; i++)
		free(former[i]);
	/* 41 bytes are five words and one byte; the allocator's size is the same. */
	for (size_t i = 0; i < BLOCKS; i++) {
		void *block = malloc(41);

		memset(block, 0, 41);
		leak_escape(block);
		kept[i] = block;
		leak_expect(LEAK_REACHABLE, 1, 41);
	}
}

int main(void)
{
	return leak_case(build);
}
