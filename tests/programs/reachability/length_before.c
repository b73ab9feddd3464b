/* SPDX-License-Identifier: MIT */
/*
 * Blocks that begin with their length in eight bytes, and are held by what follows it,
 * count as held by their beginning; with another number there, they do not.
 */
#include "leak_case.h"

static void *volatile kept[4];

static LEAK_SITE void *counted(size_t bytes, size_t length, enum leak_kind kind)
{
	void *block = leak_block(bytes, kind);

	*(volatile uint64_t *)block = length;
	return leak_inside(block, sizeof(uint64_t));
}

static LEAK_SITE void build(void)
{
	kept[0] = counted(1000, 1000 - 8, LEAK_REACHABLE);
	kept[1] = counted(1000, 1000, LEAK_POSSIBLE);
	kept[2] = counted(80, 72, LEAK_REACHABLE);
	leak_put((char *)kept[2] - 8, 3, counted(64, 56, LEAK_REACHABLE));
	leak_put(leak_block(48, LEAK_DEFINITE), 1, counted(56, 48, LEAK_INDIRECT));
	/* A pointer elsewhere into it is an interior one. */
	kept[3] = leak_inside(counted(200, 192, LEAK_POSSIBLE), 8);
}

int main(void)
{
	return leak_case(build);
}
