/* SPDX-License-Identifier: MIT */
/*
 * One call site whose blocks are of all four kinds, and sizes that are told apart.
 */
#include "leak_case.h"

static void *volatile kept[100];

static LEAK_SITE void *make(size_t bytes, enum leak_kind kind)
{
	return leak_block(bytes, kind);
}

static LEAK_SITE void build(void)
{
	void *lost = NULL;

	for (size_t i = 0; i < 100; i++) {
		enum leak_kind kind = (enum leak_kind)(i % LEAK_KINDS);
		void *block = make(8 + 100 * i, kind);

		if (kind == LEAK_DEFINITE)
			lost = block;
		else if (kind == LEAK_INDIRECT)
			leak_put(lost, 0, block);
		else if (kind == LEAK_POSSIBLE)
			kept[i] = leak_inside(block, 7);
		else
			kept[i] = block;
	}
}

int main(void)
{
	return leak_case(build);
}
