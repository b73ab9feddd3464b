/* SPDX-License-Identifier: MIT */
/*
 * The program ends by exit() within three functions: what their frames hold is reachable,
 * what functions that have returned left behind is not.
 */
#include "leak_case.h"

enum {
	SLOTS = 32
};

static LEAK_SITE void returned(int depth)
{
	void *volatile slots[SLOTS];

	for (size_t i = 0; i < SLOTS; i++)
		slots[i] = leak_block(44, LEAK_DEFINITE);
	if (depth)
		returned(depth - 1);
	leak_escape(slots);
}

static LEAK_SITE void innermost(void)
{
	returned(20);
	leak_scrub();
	leak_print(NULL);
	exit(0);
}

static LEAK_SITE void middle(void)
{
	void *volatile slots[2];

	leak_into(&slots[0], 45, 0, LEAK_REACHABLE);
	leak_into(&slots[1], 46, 45, LEAK_POSSIBLE);
	innermost();
	leak_escape(slots);
}

int main(void)
{
	void *volatile slot = leak_block(47, LEAK_REACHABLE);

	leak_put(slot, 3, leak_block(48, LEAK_REACHABLE));
	middle();
	leak_escape(&slot);
	return 1;
}
