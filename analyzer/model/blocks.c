/* SPDX-License-Identifier: MIT */
#include "blocks.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define FIRST_SHIFT (64 - 10)
#define HUGE_PAGE (2u << 20)

/* Blocks of one size lie at multiples of it, large ones at multiples of pages: both must
 * spread. The product's upper bits depend on all bits of the address (Knuth, The Art of
 * Computer Programming 3, 6.4: multiplicative hashing). */
static inline size_t home(const struct blocks *blocks, uint64_t address)
{
	return (size_t)((address ^ address >> 32) * 0x9e3779b97f4a7c15ull >> blocks->shift);
}

void blocks_done(struct blocks *blocks)
{
	free(blocks->slots);
	*blocks = (struct blocks){0};
}

/* The slot of an address, or the empty one where it would go. */
static inline size_t find(const struct blocks *blocks, uint64_t address)
{
	size_t mask = blocks_slots(blocks) - 1, i = home(blocks, address);

	while (blocks->slots[i].address != 0 && blocks->slots[i].address != address)
		i = (i + 1) & mask;
	return i;
}

/* Empty slots. A look-up in a large table misses the processor's table of pages, too,
 * unless they are large ones. */
static struct block *new_slots(size_t count)
{
	size_t bytes = (count * sizeof(struct block) + HUGE_PAGE - 1) & -(size_t)HUGE_PAGE;
	struct block *slots;

	if (bytes < 16 * HUGE_PAGE)
		return calloc(count, sizeof(*slots));
	slots = aligned_alloc(HUGE_PAGE, bytes);
	if (!slots)
		return NULL;
	madvise(slots, bytes, MADV_HUGEPAGE); /* only a wish */
	memset(slots, 0, bytes);
	return slots;
}

static int grow(struct blocks *blocks)
{
	struct blocks bigger = {.count = blocks->count};
	size_t slots = blocks_slots(blocks);

	bigger.shift = blocks->shift ? blocks->shift - 1 : FIRST_SHIFT;
	bigger.slots = new_slots(blocks_slots(&bigger));
	if (!bigger.slots)
		return -ENOMEM;
	for (size_t i = 0; i < slots; i++)
		if (blocks->slots[i].address != 0)
			bigger.slots[find(&bigger, blocks->slots[i].address)] =
				blocks->slots[i];
	free(blocks->slots);
	*blocks = bigger;
	return 0;
}

int blocks_put(struct blocks *blocks, const struct block *block, struct block *ret_older)
{
	size_t slots = blocks_slots(blocks), i;

	/* 0.7 full: probes stay near two a look-up. */
	if (blocks->count >= slots - slots / 4 - slots / 20) {
		int r = grow(blocks);

		if (r < 0)
			return r;
	}
	i = find(blocks, block->address);
	if (blocks->slots[i].address != 0) {
		*ret_older = blocks->slots[i];
		blocks->slots[i] = *block;
		return 1;
	}
	blocks->slots[i] = *block;
	blocks->count++;
	return 0;
}

void blocks_prefetch(const struct blocks *blocks, uint64_t address)
{
	if (blocks->count > 0)
		__builtin_prefetch(&blocks->slots[home(blocks, address)]);
}

const struct block *blocks_find(const struct blocks *blocks, uint64_t address)
{
	const struct block *block;

	if (blocks->count == 0 || address == 0)
		return NULL;
	block = &blocks->slots[find(blocks, address)];
	return block->address ? block : NULL;
}

bool blocks_take(struct blocks *blocks, uint64_t address, struct block *ret_block)
{
	size_t mask, hole, i;

	if (blocks->count == 0 || address == 0)
		return false;
	mask = blocks_slots(blocks) - 1;
	hole = find(blocks, address);
	if (blocks->slots[hole].address == 0)
		return false;
	*ret_block = blocks->slots[hole];
	/* Close the gap: a block that was displaced past the hole moves into it. */
	for (i = (hole + 1) & mask; blocks->slots[i].address != 0; i = (i + 1) & mask) {
		size_t wanted = home(blocks, blocks->slots[i].address);

		if (((i - wanted) & mask) >= ((i - hole) & mask)) {
			blocks->slots[hole] = blocks->slots[i];
			hole = i;
		}
	}
	blocks->slots[hole].address = 0;
	blocks->count--;
	return true;
}
