/* SPDX-License-Identifier: MIT */
/*
 * blocks.h - the blocks that are live at an instant of the replay, by address.
 *
 * An open-addressed table: one probe, mostly one cache line, for each event of the dump.
 * Guarantees: addresses are unique; a removed block leaves nothing behind, so the cost of
 * an event does not depend on how many came before.
 * Threads: one at a time. Memory: 57 to 115 bytes for each block of the largest live set,
 * in a small one up to 215.
 */
#ifndef BLOCKS_H
#define BLOCKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct block {
	uint64_t address; /* never 0 */
	uint64_t size;	  /* asked for */
	uint64_t usable;
	uint64_t birth;	 /* clock units */
	uint32_t site;	 /* ledger.h */
	uint32_t thread; /* id of the thread that allocated it */
};

struct blocks {
	struct block *slots; /* address 0: empty */
	size_t count;
	unsigned shift; /* 64 - log2 of the number of slots; 0: none yet */
};

/* An empty table is all zeros; blocks_done frees it and leaves it so. */
void blocks_done(struct blocks *blocks);

/* Adds a block. Returns 0; 1 where its address was live: it replaced *ret_older; or
 * -ENOMEM. */
int blocks_put(struct blocks *blocks, const struct block *block, struct block *ret_older);

/* As blocks_put, but the caller fills in **ret_block, which holds the address at least, and
 * where 1 is returned the older block. Good until the table changes. */
int blocks_add(struct blocks *blocks, uint64_t address, struct block **ret_block);

/* Takes out a block that is one of the table's; others may move into its place. */
void blocks_remove(struct blocks *blocks, struct block *block);

/* Takes the block at an address out. Returns whether there was one, in *ret_block. */
bool blocks_take(struct blocks *blocks, uint64_t address, struct block *ret_block);

/* How many slots there are to look through for those whose address is not 0. */
static inline size_t blocks_slots(const struct blocks *blocks)
{
	return blocks->shift ? (size_t)1 << (64 - blocks->shift) : 0;
}

/* Where the search for an address begins; there must be slots. Blocks of one size lie at
 * multiples of it, large ones at multiples of pages: both must spread. The product's upper
 * bits depend on all bits of the address (Knuth, The Art of Computer Programming 3, 6.4:
 * multiplicative hashing). */
static inline size_t blocks_home(const struct blocks *blocks, uint64_t address)
{
	return (size_t)((address ^ address >> 32) * 0x9e3779b97f4a7c15ull >> blocks->shift);
}

/* The slot of an address, or the empty one where it would go; there must be slots. */
static inline struct block *blocks_slot(const struct blocks *blocks, uint64_t address)
{
	size_t mask = blocks_slots(blocks) - 1, i = blocks_home(blocks, address);

	while (blocks->slots[i].address != 0 && blocks->slots[i].address != address)
		i = (i + 1) & mask;
	return &blocks->slots[i];
}

/* The block at an address, or NULL. Good until the table changes. */
static inline struct block *blocks_find(const struct blocks *blocks, uint64_t address)
{
	struct block *block;

	if (blocks->count == 0 || address == 0)
		return NULL;
	block = blocks_slot(blocks, address);
	return block->address ? block : NULL;
}

/* Begins to fetch what the other functions will look at for an address. */
static inline void blocks_prefetch(const struct blocks *blocks, uint64_t address)
{
	const struct block *slot;

	if (__builtin_expect(blocks->shift == 0, 0))
		return;
	/* Mostly it is there or in the next one. */
	slot = &blocks->slots[blocks_home(blocks, address)];
	__builtin_prefetch(slot);
	__builtin_prefetch((const char *)slot + 64);
	/* gcc drops calls of functions that it finds to do nothing but prefetch. */
	__asm__ volatile("");
}

#endif
