/* SPDX-License-Identifier: MIT */
/*
 * scan_heap MIB: a list of so many MiB of blocks, each of which holds the only pointer to
 * the one before. The truth says how many there are.
 */
#include <stdlib.h>

#include "truth.h"

#define BLOCK_BYTES 4096

struct block {
	struct block *before;
	char rest[BLOCK_BYTES - sizeof(struct block *)];
};

static struct block *last;

int main(int argc, char **argv)
{
	long blocks = argc > 1 ? atol(argv[1]) * ((1 << 20) / BLOCK_BYTES) : 0;

	for (long i = 0; i < blocks; i++) {
		struct block *block = malloc(sizeof(*block));

		if (!block)
			return 98;
		block->before = last;
		/* Its pages are there. */
		block->rest[sizeof(block->rest) - 1] = 1;
		last = block;
	}
	truth_number("blocks", blocks);
	truth_print();
	return 0;
}
