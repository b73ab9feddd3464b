/* SPDX-License-Identifier: MIT */
/*
 * blocks.h - the blocks that are live at an instant of the replay, by address.
 *
 * An open-addressed table: one probe, mostly one cache line, for each event of the dump.
 * Guarantees: addresses are unique; a removed block leaves nothing behind, so the cost of
 * an event does not depend on how many came before.
 * Threads: one at a time. Memory: 57 to 115 bytes for each block of the largest live set.
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

/* Takes the block at an address out. Returns whether there was one, in *ret_block. */
bool blocks_take(struct blocks *blocks, uint64_t address, struct block *ret_block);

/* The block at an address, or NULL. Good until the table changes. */
const struct block *blocks_find(const struct blocks *blocks, uint64_t address);

/* Begins to fetch what blocks_find will look at. */
void blocks_prefetch(const struct blocks *blocks, uint64_t address);

/* How many slots there are to look through for those whose address is not 0. */
static inline size_t blocks_slots(const struct blocks *blocks)
{
	return blocks->shift ? (size_t)1 << (64 - blocks->shift) : 0;
}

#endif
