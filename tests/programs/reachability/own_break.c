/* SPDX-License-Identifier: MIT */
/*
 * Memory that the program took by sbrk, beside the allocator's, holds blocks.
 */
#include <unistd.h>

#include "leak_case.h"

static LEAK_SITE void build(void)
{
	void *first = leak_block(210, LEAK_REACHABLE);
	void *own = sbrk(65536);

	if (own == (void *)-1)
		abort();
	own = (void *)(((uintptr_t)own + 15) & ~(uintptr_t)15);
	leak_put(own, 4000, first);
	leak_put(own, 4001, leak_block(150000, LEAK_REACHABLE));
	leak_put(own, 4002, leak_block(100000, LEAK_REACHABLE));
	leak_block(211, LEAK_DEFINITE);
}

int main(void)
{
	return leak_case(build);
}
