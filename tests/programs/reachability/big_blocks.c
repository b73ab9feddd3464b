/* SPDX-License-Identifier: MIT */
/*
 * Blocks with mappings of their own: their words count as any block's, and a big lost root
 * holds a large subtree that is not lost by itself.
 */
#include "leak_case.h"

enum {
	SUBTREE = 10000,
	BIG = 4 << 20
};

static void *volatile kept, *volatile middle;

static LEAK_SITE void build(void)
{
	void *big = leak_block(BIG, LEAK_REACHABLE);
	void *lost = leak_block(BIG + 1, LEAK_DEFINITE);
	void *second;

	kept = big;
	leak_put(big, BIG / sizeof(void *) - 1, leak_block(600, LEAK_REACHABLE));
	second = leak_block(BIG + 2, LEAK_REACHABLE);
	leak_put(big, 77777, second);
	leak_put(second, 3, leak_block(601, LEAK_REACHABLE));
	for (size_t i = 0; i < SUBTREE; i++)
		leak_put(lost, 50 * i + 7, leak_block(100, LEAK_INDIRECT));
	middle = leak_inside(leak_block(BIG + 3, LEAK_POSSIBLE), BIG / 2);
}

int main(void)
{
	return leak_case(build);
}
