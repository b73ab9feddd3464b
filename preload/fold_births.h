/* SPDX-License-Identifier: MIT */
/*
 * fold_births.h - the blocks that were born in the step at hand.
 *
 * Most blocks die soon: they are born and freed within a step, and never come into the
 * state of the dump. What is left of them at the step's end does. Guarantees: addresses are
 * unique. An address whose block has died is still known. Threads: one at a time. Memory:
 * 384 KiB.
 */
#ifndef FOLD_BIRTHS_H
#define FOLD_BIRTHS_H

#include <stdbool.h>
#include <stdint.h>

#include "mft_ring.h"

#define FOLD_BIRTHS_SLOTS 8192u
#define FOLD_BIRTHS_MOST (FOLD_BIRTHS_SLOTS / 2) /* addresses in a step */

struct fold_birth {
	struct mft_ring_block block; /* address 0: empty */
	uint32_t is_live;
	uint32_t reserved;
};

struct fold_births {
	struct fold_birth *slots;
	uint16_t *used; /* slots that are not empty, in the order in which they came */
	uint32_t count; /* of them */
};

int fold_births_begin(struct fold_births *births);
void fold_births_done(struct fold_births *births);

/* Forgets all. */
void fold_births_clear(struct fold_births *births);

static inline bool fold_births_full(const struct fold_births *births)
{
	return births->count == FOLD_BIRTHS_MOST;
}

static inline uint32_t fold_births_home(uint64_t address)
{
	return (uint32_t)((address ^ address >> 32) * 0x9e3779b97f4a7c15ull >>
			  (64 - __builtin_ctz(FOLD_BIRTHS_SLOTS)));
}

static inline void fold_births_prefetch(const struct fold_births *births, uint64_t address)
{
	__builtin_prefetch(&births->slots[fold_births_home(address)]);
}

/* The slot of an address, or the empty one where it goes. */
static inline struct fold_birth *fold_births_find(const struct fold_births *births,
						  uint64_t address)
{
	uint32_t i = fold_births_home(address);

	while (births->slots[i].block.address != 0 &&
	       births->slots[i].block.address != address)
		i = (i + 1) % FOLD_BIRTHS_SLOTS;
	return &births->slots[i];
}

/* To be called before an empty slot gets its address; there must be room. */
static inline void fold_births_use(struct fold_births *births, struct fold_birth *slot)
{
	births->used[births->count++] = (uint16_t)(slot - births->slots);
}

#endif
