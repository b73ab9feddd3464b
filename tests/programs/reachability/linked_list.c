/* SPDX-License-Identifier: MIT */
/*
 * Lists: one that a variable leads to, one whose head is lost, one whose tail is lost
 * because a link in its middle was cut, and one that is held by its last node only.
 */
#include "leak_case.h"

enum {
	NODE_BYTES = 48,
	NODES = 100
};

static void *volatile kept, *volatile cut, *volatile last;

/* Returns the head; the last node comes first and goes to `ret_last`. */
static LEAK_SITE void *list(size_t nodes, enum leak_kind head, enum leak_kind others,
			    void **ret_last)
{
	void *next = NULL;

	for (size_t i = 0; i < nodes; i++) {
		void *node = leak_block(NODE_BYTES, i + 1 == nodes ? head : others);

		leak_put(node, 1, next);
		next = node;
		if (i == 0 && ret_last)
			*ret_last = node;
	}
	return next;
}

static LEAK_SITE void build(void)
{
	void *end, *rest;

	kept = list(NODES, LEAK_REACHABLE, LEAK_REACHABLE, NULL);
	list(NODES, LEAK_DEFINITE, LEAK_INDIRECT, NULL);

	cut = list(10, LEAK_REACHABLE, LEAK_REACHABLE, &end);
	rest = list(20, LEAK_DEFINITE, LEAK_INDIRECT, NULL);
	leak_put(end, 1, rest);
	leak_put(end, 1, NULL);

	/* All but the last are lost: it is found from the variable. */
	list(7, LEAK_DEFINITE, LEAK_INDIRECT, &end);
	last = end;
	leak_expect(LEAK_INDIRECT, (uint64_t)-1, (uint64_t)-NODE_BYTES);
	leak_expect(LEAK_REACHABLE, 1, NODE_BYTES);
}

int main(void)
{
	return leak_case(build);
}
