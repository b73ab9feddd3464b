/* SPDX-License-Identifier: MIT */
/*
 * Blocks that moved many times: each is one block of its last size, and what it held moved
 * with it.
 */
#include "leak_case.h"

static void *volatile kept;

static LEAK_SITE void *grown(size_t last)
{
	size_t size = 16;
	void *block = calloc(1, size);

	leak_escape(block);
	leak_put(block, 1, leak_block(33, LEAK_REACHABLE));
	for (; size < last; size += size / 2 + 1) {
		block = realloc(block, size);
		leak_escape(block);
		/* Something in the way of growing in place. */
		if (size < 4096)
			leak_block(size, LEAK_DEFINITE);
	}
	block = realloc(block, last);
	/* What is new in it is not cleared. */
	for (size_t word = 2; word < last / sizeof(void *); word++)
		leak_put(block, word, NULL);
	leak_escape(block);
	return block;
}

static LEAK_SITE void build(void)
{
	kept = grown(3 << 20);
	leak_expect(LEAK_REACHABLE, 1, 3 << 20);

	grown(70000);
	leak_expect(LEAK_DEFINITE, 1, 70000);
	/* Its child came with it. */
	leak_expect(LEAK_REACHABLE, (uint64_t)-1, (uint64_t)-33);
	leak_expect(LEAK_INDIRECT, 1, 33);

	kept = realloc(kept, 10);
	leak_escape(kept);
	leak_expect(LEAK_REACHABLE, 0, 10 - (uint64_t)(3 << 20));
	/* The shrunk block no longer holds what lay behind its end. */
	leak_expect(LEAK_REACHABLE, (uint64_t)-1, (uint64_t)-33);
	leak_expect(LEAK_DEFINITE, 1, 33);
}

int main(void)
{
	return leak_case(build);
}
