/* SPDX-License-Identifier: MIT */
/*
 * pool.h - memory for many things of one size that come and go.
 *
 * Taken from ever larger pieces, at last whole huge pages: who goes through things in the
 * order in which they were taken finds them side by side, and the processor's table of
 * pages is spared.
 * Threads: one at a time. Memory: as much as was in use at once, until pool_done.
 */
#ifndef POOL_H
#define POOL_H

#include <stddef.h>

struct pool {
	void *unused; /* a chain */
	void **slabs;
	size_t slabs_count;
	size_t slab_items, slab_taken; /* of the last one */
};

/* An empty pool is all zeros; pool_done frees all that was taken and leaves it so. */
void pool_done(struct pool *pool);

/* Room for one more thing; item_bytes is the same at each call, a multiple of 64 and at
 * most 64 KiB. Aligned to 64 bytes; what is there is undefined. NULL: no memory. */
void *pool_take(struct pool *pool, size_t item_bytes);

/* Gives one back. */
void pool_give(struct pool *pool, void *item);

#endif
