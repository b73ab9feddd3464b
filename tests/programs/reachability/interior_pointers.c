/* SPDX-License-Identifier: MIT */
/*
 * Pointers that do not point to a block's beginning: into its middle, to its last byte, one
 * past its end, before it; pointers that are not aligned in memory; blocks of no bytes.
 */
#include <string.h>

#include "leak_case.h"

static const char *volatile inside[8];
static char unaligned[64];

static LEAK_SITE void build(void)
{
	char *block;

	inside[0] = leak_inside(leak_block(1000, LEAK_POSSIBLE), 1);
	inside[1] = leak_inside(leak_block(1001, LEAK_POSSIBLE), 500);
	inside[2] = leak_inside(leak_block(1002, LEAK_POSSIBLE), 1001);
	/* One past the end is not in the block, also where the allocator gave more. */
	inside[3] = leak_inside(leak_block(1003, LEAK_DEFINITE), 1003);
	inside[4] = leak_inside(leak_block(1008, LEAK_DEFINITE), 1008);
	block = leak_block(1004, LEAK_DEFINITE);
	inside[5] = block - 1;

	/* Only aligned words are pointers. */
	block = leak_block(1005, LEAK_DEFINITE);
	memcpy(unaligned + 4, &block, sizeof(block));
	leak_escape(unaligned);

	inside[6] = leak_block(0, LEAK_REACHABLE);
	leak_block(0, LEAK_DEFINITE);
	leak_block(1, LEAK_DEFINITE);
	inside[7] = leak_block(1, LEAK_REACHABLE);
}

int main(void)
{
	return leak_case(build);
}
