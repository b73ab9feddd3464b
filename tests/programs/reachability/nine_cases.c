/* SPDX-License-Identifier: MIT */
/*
 * The nine ways, by memcheck's manual, in which a root, a block a and a block b can hang
 * together, and what becomes of a block that can be reached in a better way as well.
 */
#include "leak_case.h"

static void *volatile roots[16];

static LEAK_SITE void build(void)
{
	void *a, *b;

	/* 1: root -> b */
	roots[1] = leak_block(101, LEAK_REACHABLE);
	/* 2: root -> a -> b */
	roots[2] = a = leak_block(102, LEAK_REACHABLE);
	leak_put(a, 3, leak_block(202, LEAK_REACHABLE));
	/* 3: b */
	leak_block(203, LEAK_DEFINITE);
	/* 4: a -> b */
	a = leak_block(104, LEAK_DEFINITE);
	leak_put(a, 1, leak_block(204, LEAK_INDIRECT));
	/* 5: root -?-> b */
	roots[5] = leak_inside(leak_block(205, LEAK_POSSIBLE), 13);
	/* 6: root -> a -?-> b */
	roots[6] = a = leak_block(106, LEAK_REACHABLE);
	leak_put(a, 0, leak_inside(leak_block(206, LEAK_POSSIBLE), 205));
	/* 7: root -?-> a -> b */
	a = leak_block(107, LEAK_POSSIBLE);
	roots[7] = leak_inside(a, 16);
	leak_put(a, 12, leak_block(207, LEAK_POSSIBLE));
	/* 8: root -?-> a -?-> b */
	a = leak_block(108, LEAK_POSSIBLE);
	roots[8] = leak_inside(a, 107);
	leak_put(a, 5, leak_inside(leak_block(208, LEAK_POSSIBLE), 64));
	/* 9: a -?-> b */
	a = leak_block(109, LEAK_DEFINITE);
	leak_put(a, 2, leak_inside(leak_block(209, LEAK_INDIRECT), 8));

	/* An interior pointer and, from elsewhere, one to the start: reachable. */
	b = leak_block(300, LEAK_REACHABLE);
	roots[9] = leak_inside(b, 40);
	roots[10] = a = leak_block(301, LEAK_REACHABLE);
	leak_put(a, 1, b);
	/* From a lost block, and from one that is held by its middle only: possible. */
	b = leak_block(302, LEAK_POSSIBLE);
	leak_put(leak_block(303, LEAK_DEFINITE), 0, b);
	a = leak_block(304, LEAK_POSSIBLE);
	roots[11] = leak_inside(a, 24);
	leak_put(a, 0, b);
}

int main(void)
{
	return leak_case(build);
}
