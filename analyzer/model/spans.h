/* SPDX-License-Identifier: MIT */
/*
 * spans.h - the address ranges of all live blocks, in order.
 *
 * What a snapshot's pages are compared with. Gathered from the table of live blocks and
 * sorted by radix: 100,000 blocks take a few milliseconds, and no order has to be kept up
 * while events are replayed.
 * Threads: one at a time. Memory: 80 bytes a block, used again for the next snapshot.
 */
#ifndef SPANS_H
#define SPANS_H

#include <stddef.h>
#include <stdint.h>

struct blocks;

struct span {
	uint64_t start, end; /* usable bytes */
	uint64_t size;	     /* bytes asked for */
	uint64_t birth;	     /* clock units */
	uint32_t site;
	uint32_t thread;
};

struct spans {
	struct span *spans; /* by start */
	size_t count;
	struct span *spare;
	size_t room; /* of each of the two */
};

/* Empty spans are all zeros. */
void spans_done(struct spans *spans);

/* Replaces what is there by the live blocks' ranges. A range that would go beyond the last
 * address ends there. Returns 0 or -ENOMEM. */
int spans_gather(struct spans *spans, const struct blocks *blocks);

/* The index of the first span that starts at `address` or behind it. */
size_t spans_find(const struct spans *spans, uint64_t address);

#endif
