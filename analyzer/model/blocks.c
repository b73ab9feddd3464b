/* SPDX-License-Identifier: MIT */
#include "blocks.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define FIRST_SHIFT (64 - 10)
#define SMALL_SLOTS (1u << 15)
#define HUGE_PAGE (2u << 20)

void blocks_done(struct blocks *blocks)
{
	free(blocks->slots);
	*blocks = (struct blocks){0};
}

/* Empty slots. A look-up in a large table misses the processor's table of pages, too,
 * unless they are large ones. */
static struct block *new_slots(size_t count)
{
	size_t bytes = (count * sizeof(struct block) + HUGE_PAGE - 1) & -(size_t)HUGE_PAGE;
	struct block *slots;

	if (bytes < HUGE_PAGE)
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
			*blocks_slot(&bigger, blocks->slots[i].address) = blocks->slots[i];
	free(blocks->slots);
	*blocks = bigger;
	return 0;
}

/* 0.7 full: probes stay near two a look-up. In a table that caches hold, the wrong guesses
 * at how many probes there will be cost more than memory, so it stays emptier. */
static inline size_t most_blocks(const struct blocks *blocks)
{
	size_t slots = blocks_slots(blocks);

	return slots <= SMALL_SLOTS ? slots / 8 * 3 : slots - slots / 4 - slots / 20;
}

int blocks_add(struct blocks *blocks, uint64_t address, struct block **ret_block)
{
	struct block *block;

	if (__builtin_expect(blocks->count >= most_blocks(blocks), 0)) {
		int r = grow(blocks);

		if (r < 0)
			return r;
	}
	block = blocks_slot(blocks, address);
	*ret_block = block;
	if (block->address != 0)
		return 1;
	block->address = address;
	blocks->count++;
	return 0;
}

int blocks_put(struct blocks *blocks, const struct block *block, struct block *ret_older)
{
	struct block *added;
	int r = blocks_add(blocks, block->address, &added);

	if (r < 0)
		return r;
	if (r > 0)
		*ret_older = *added;
	*added = *block;
	return r;
}

void blocks_remove(struct blocks *blocks, struct block *block)
{
	size_t mask = blocks_slots(blocks) - 1;
	size_t hole = (size_t)(block - blocks->slots), i;

	/* Close the gap: a block that was displaced past the hole moves into it. */
	for (i = (hole + 1) & mask; blocks->slots[i].address != 0; i = (i + 1) & mask) {
		size_t wanted = blocks_home(blocks, blocks->slots[i].address);

		if (((i - wanted) & mask) >= ((i - hole) & mask)) {
			blocks->slots[hole] = blocks->slots[i];
			hole = i;
		}
	}
	blocks->slots[hole].address = 0;
	blocks->count--;
}

bool blocks_take(struct blocks *blocks, uint64_t address, struct block *ret_block)
{
	struct block *block = blocks_find(blocks, address);

	if (!block)
		return false;
	*ret_block = *block;
	blocks_remove(blocks, block);
	return true;
}
