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
static void *volatile apart; /* reachable, too */

/* memcheck's heap lies low, and the loader keeps hashes of the names of libc's versions
 * (ELF gABI, "Hash Table"), which look like pointers to what lies in these pages. */
static int is_near_a_hash(const void *block)
{
	static const uintptr_t hashes[] = {0x6969190, 0x9691a00, 0xd696910};

	for (size_t i = 0; i < sizeof(hashes) / sizeof(hashes[0]); i++)
		if ((uintptr_t)block - (hashes[i] - 8192) < 16384)
			return 1;
	return 0;
}

static LEAK_SITE void *list(enum leak_kind head, enum leak_kind others)
{
	void *next = NULL, *last = NULL;

	for (size_t i = 0; i < NODES; i++) {
		void *node;

		while (is_near_a_hash(last)) {
			last = leak_block(NODE_BYTES, LEAK_REACHABLE);
			leak_put(last, 0, apart);
			apart = last;
		}
		node = leak_block(NODE_BYTES, i + 1 == NODES ? head : others);
		leak_put(node, 0, next);
		next = last = node;
	}
	return next;
}

static LEAK_SITE void build(void)
{
	list(LEAK_DEFINITE, LEAK_INDIRECT);
	kept = list(LEAK_REACHABLE, LEAK_REACHABLE);
}

int main(void)
{
	return leak_case(build);
}
