/* SPDX-License-Identifier: MIT */
/*
 * Pointers that only freed memory still holds do not hold a block: in small blocks, in
 * blocks of the allocator's large bins, in a block that had a mapping of its own, and in
 * the memory that a realloc left behind.
 */
#include "leak_case.h"

static void *volatile holders[8];

static LEAK_SITE void build(void)
{
	static const size_t sizes[] = {32, 200, 1000, 3000, 20000, 100000, 1 << 20};
	void *block;

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		void *holder = calloc(1, sizes[i]);

		leak_escape(holder);
		for (size_t word = 2; word < sizes[i] / sizeof(void *); word += 3)
			leak_put(holder, word, leak_block(64 + i, LEAK_DEFINITE));
		/* Keeps it from melting into the memory behind it. */
		holders[i] = leak_block(17, LEAK_REACHABLE);
		free(holder);
	}
	block = calloc(1, 5000);
	leak_escape(block);
	leak_put(block, 600, leak_block(70, LEAK_DEFINITE));
	holders[7] = realloc(block, 400);
	leak_expect(LEAK_REACHABLE, 1, 400);
}

int main(void)
{
	return leak_case(build);
}
