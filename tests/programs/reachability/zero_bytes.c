/* SPDX-License-Identifier: MIT */
/*
 * Blocks of no bytes: kept, lost, held by a lost block; and one past their start, which is
 * past their end.
 */
#include "leak_case.h"

static void *volatile kept[3];

static LEAK_SITE void build(void)
{
	kept[0] = leak_block(0, LEAK_REACHABLE);
	leak_block(0, LEAK_DEFINITE);
	leak_put(leak_block(32, LEAK_DEFINITE), 2, leak_block(0, LEAK_INDIRECT));
	kept[1] = leak_inside(leak_block(0, LEAK_DEFINITE), 1);
	kept[2] = leak_inside(leak_block(0, LEAK_DEFINITE), 16);
}

int main(void)
{
	return leak_case(build);
}
