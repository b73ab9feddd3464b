/* SPDX-License-Identifier: MIT */
/*
 * A lost chain leads to a lost ring whose blocks were made, and lie, before it. All is lost
 * with the chain's first block.
 */
#include "leak_case.h"

enum {
	BYTES = 56
};

static LEAK_SITE void build(void)
{
	void *ring[3], *chain[2];

	for (size_t i = 0; i < 3; i++)
		ring[i] = leak_block(BYTES, LEAK_INDIRECT);
	for (size_t i = 0; i < 3; i++)
		leak_put(ring[i], 1, ring[(i + 1) % 3]);
	chain[0] = leak_block(BYTES, LEAK_DEFINITE);
	chain[1] = leak_block(BYTES, LEAK_INDIRECT);
	leak_put(chain[0], 0, chain[1]);
	/* Not to the ring's first block by address. */
	leak_put(chain[1], 0, ring[1]);
}

int main(void)
{
	return leak_case(build);
}
