/* SPDX-License-Identifier: MIT */
/*
 * Binary trees, kept and lost; two lost roots with a child in common; a lost diamond; a
 * lost block all of whose children can be reached from elsewhere.
 */
#include "leak_case.h"

static void *volatile kept;
static void *volatile children[3];

static LEAK_SITE void *tree(int depth, enum leak_kind root, enum leak_kind others)
{
	void *node = leak_block((size_t)(16 + 8 * depth), root);

	if (depth) {
		leak_put(node, 0, tree(depth - 1, others, others));
		leak_put(node, 1, tree(depth - 1, others, others));
	}
	return node;
}

static LEAK_SITE void build(void)
{
	void *a, *b, *shared, *top;

	kept = tree(9, LEAK_REACHABLE, LEAK_REACHABLE);
	tree(8, LEAK_DEFINITE, LEAK_INDIRECT);

	shared = tree(4, LEAK_INDIRECT, LEAK_INDIRECT);
	leak_put(leak_block(64, LEAK_DEFINITE), 5, shared);
	leak_put(leak_block(72, LEAK_DEFINITE), 6, shared);

	top = leak_block(40, LEAK_DEFINITE);
	a = leak_block(41, LEAK_INDIRECT);
	b = leak_block(42, LEAK_INDIRECT);
	shared = leak_block(43, LEAK_INDIRECT);
	leak_put(top, 0, a);
	leak_put(top, 1, b);
	leak_put(a, 0, shared);
	leak_put(b, 0, shared);

	top = leak_block(128, LEAK_DEFINITE);
	for (size_t i = 0; i < 3; i++) {
		children[i] = leak_block(50 + i, LEAK_REACHABLE);
		leak_put(top, i, children[i]);
	}
}

int main(void)
{
	return leak_case(build);
}
