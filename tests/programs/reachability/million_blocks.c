/* SPDX-License-Identifier: MIT */
/*
 * A million blocks: a kept list and a lost one, longer than any stack of calls would bear.
 */
#include "leak_case.h"

enum {
	NODES = 500000,
	NODE_BYTES = 24
};

static void *volatile kept;

static LEAK_SITE void *list(enum leak_kind head, enum leak_kind others)
{
	void *next = NULL;

	for (size_t i = 0; i < NODES; i++) {
		void *node = leak_block(NODE_BYTES, i + 1 == NODES ? head : others);

		leak_put(node, 0, next);
		next = node;
	}
	return next;
}

static LEAK_SITE void build(void)
{
	/* In this order, because memcheck's heap lies low: above 150 MB its addresses meet
	 * the loader's hashes of version names. */
	list(LEAK_DEFINITE, LEAK_INDIRECT);
	kept = list(LEAK_REACHABLE, LEAK_REACHABLE);
}

int main(void)
{
	return leak_case(build);
}
