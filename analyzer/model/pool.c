/* SPDX-License-Identifier: MIT */
#include "pool.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define FIRST_SLAB_ITEMS 16u
#define ITEM_ALIGNMENT 64u
#define HUGE_PAGE (2u << 20)

void pool_done(struct pool *pool)
{
	for (size_t i = 0; i < pool->slabs_count; i++)
		free(pool->slabs[i]);
	free(pool->slabs);
	memset(pool, 0, sizeof(*pool));
}

/* Twice as many as the last time, up to a huge page full. */
static void *add_slab(struct pool *pool, size_t item_bytes)
{
	const size_t most = HUGE_PAGE / item_bytes;
	size_t items = pool->slab_items ? 2 * pool->slab_items : FIRST_SLAB_ITEMS;
	void **slabs =
		reallocarray(pool->slabs, pool->slabs_count + 1, sizeof(*pool->slabs));
	void *slab;

	if (!slabs)
		return NULL;
	pool->slabs = slabs;
	if (items < most) {
		slab = aligned_alloc(ITEM_ALIGNMENT, items * item_bytes);
	} else {
		items = most;
		slab = aligned_alloc(HUGE_PAGE, HUGE_PAGE);
		if (slab)
			madvise(slab, HUGE_PAGE, MADV_HUGEPAGE); /* only a wish */
	}
	if (!slab)
		return NULL;
	pool->slabs[pool->slabs_count++] = slab;
	pool->slab_items = items;
	pool->slab_taken = 0;
	return slab;
}

void *pool_take(struct pool *pool, size_t item_bytes)
{
	void *item = pool->unused;

	if (item) {
		memcpy(&pool->unused, item, sizeof(pool->unused));
		return item;
	}
	if (pool->slab_taken == pool->slab_items && !add_slab(pool, item_bytes))
		return NULL;
	return (char *)pool->slabs[pool->slabs_count - 1] + pool->slab_taken++ * item_bytes;
}

void pool_give(struct pool *pool, void *item)
{
	memcpy(item, &pool->unused, sizeof(pool->unused));
	pool->unused = item;
}
