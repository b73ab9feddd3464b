/* SPDX-License-Identifier: MIT */
/*
 * fold_blocks.h - the blocks that are live in the state of a ring dump.
 *
 * In the dump they lie in slots, in no order; a slot that was given up last is used first,
 * so that blocks that die soon keep to a few slots. Where the block of an address is, an
 * index in memory knows: an extendible hash table (Fagin et al., "Extendible Hashing", ACM
 * TODS 4, 1979) of segments, so that nothing ever has to be moved but one segment.
 * Guarantees: addresses are unique; a removed block leaves nothing behind.
 * Threads: one at a time. Memory: for a block of the largest live set, 40 bytes of the dump
 * and about 24 in memory.
 */
#ifndef FOLD_BLOCKS_H
#define FOLD_BLOCKS_H

#include <stdint.h>

#include "fold_state.h"
#include "mft_ring.h"

/* Slots are numbered by chunk and place in the chunk. */
#define FOLD_BLOCKS_CHUNK_SHIFT 11

#define FOLD_SEGMENT_SHIFT 12
#define FOLD_SEGMENT_ENTRIES (1u << FOLD_SEGMENT_SHIFT)

/* When there are more in it, it is split. */
#define FOLD_SEGMENT_MOST (FOLD_SEGMENT_ENTRIES / 8 * 5)

struct fold_entry {
	uint32_t hash; /* its lower half */
	uint32_t slot; /* plus 1; 0: empty */
};

struct fold_segment {
	struct fold_entry *entries;
	uint32_t count;
	uint32_t depth; /* bits that all hashes in it have in common */
};

struct fold_blocks {
	struct fold_state *state;
	struct fold_chunks chunks;
	uint32_t in_chunk; /* slots of a chunk */
	uint32_t *spare;   /* slots without a block, the one to be used next at the end */
	uint32_t spare_count, spare_room;
	uint32_t *kept; /* by slot: the step in which it was last kept */
	uint32_t kept_room;
	uint32_t step; /* counts */
	uint32_t count;

	uint32_t *directory; /* segments, by the first bits of the hash */
	uint32_t directory_room;
	unsigned depth; /* how many bits */
	struct fold_segment *segments;
	uint32_t segments_count, segments_room;
	struct fold_entry *empty; /* of a segment to be, all zeros */
};

/* What an event takes of the journal at most. */
#define FOLD_BLOCKS_BYTES 256u

/* Without blocks. Returns 0 or -ENOMEM. */
int fold_blocks_begin(struct fold_blocks *blocks, struct fold_state *state);
void fold_blocks_done(struct fold_blocks *blocks);

/* To be called when a step begins. */
static inline void fold_blocks_step(struct fold_blocks *blocks)
{
	blocks->step++;
}

static inline uint64_t fold_blocks_hash(uint64_t address)
{
	return (address ^ address >> 32) * 0x9e3779b97f4a7c15ull;
}

static inline struct fold_segment *fold_blocks_segment(const struct fold_blocks *blocks,
						       uint64_t hash)
{
	/* In two steps: a shift by 64 is none. */
	return &blocks->segments[blocks->directory[hash >> 1 >> (63 - blocks->depth)]];
}

/* Where in its segment the search for a hash begins. */
static inline uint32_t fold_blocks_home(uint32_t hash)
{
	return hash >> (32 - FOLD_SEGMENT_SHIFT);
}

static inline struct mft_ring_block *fold_blocks_slot(const struct fold_blocks *blocks,
						      uint32_t slot)
{
	uint8_t *chunk = blocks->chunks.chunks[slot >> FOLD_BLOCKS_CHUNK_SHIFT].address;
	uint32_t i = slot & ((1u << FOLD_BLOCKS_CHUNK_SHIFT) - 1);

	return &((struct mft_ring_block *)(void *)(chunk + MFT_RING_CONTENTS))[i];
}

/* The entry of an address, or the empty one where it goes. */
static inline struct fold_entry *fold_blocks_find(const struct fold_blocks *blocks,
						  const struct fold_segment *segment,
						  uint64_t hash, uint64_t address)
{
	uint32_t i = fold_blocks_home((uint32_t)hash);

	for (;; i = (i + 1) % FOLD_SEGMENT_ENTRIES) {
		struct fold_entry *entry = &segment->entries[i];

		if (entry->slot == 0 ||
		    (entry->hash == (uint32_t)hash &&
		     fold_blocks_slot(blocks, entry->slot - 1)->address == address))
			return entry;
	}
}

/* Fetches what the search for an address looks at first. */
static inline void fold_blocks_fetch_entry(const struct fold_blocks *blocks,
					   uint64_t address)
{
	const uint64_t hash = fold_blocks_hash(address);

	__builtin_prefetch(&fold_blocks_segment(blocks, hash)
				    ->entries[fold_blocks_home((uint32_t)hash)]);
}

/* Then fetches its block. */
static inline void fold_blocks_fetch_block(const struct fold_blocks *blocks,
					   uint64_t address)
{
	const uint64_t hash = fold_blocks_hash(address);
	const struct fold_segment *segment = fold_blocks_segment(blocks, hash);
	const uint32_t home = fold_blocks_home((uint32_t)hash);
	const struct fold_entry *entry = &segment->entries[home];

	/* Mostly it is there or in the next one. */
	if (entry->hash != (uint32_t)hash)
		entry = &segment->entries[(home + 1) % FOLD_SEGMENT_ENTRIES];
	if (entry->slot && entry->hash == (uint32_t)hash)
		__builtin_prefetch(fold_blocks_slot(blocks, entry->slot - 1));
}

/* Whether fetching pays: a small table is in the cache anyway. */
static inline bool fold_blocks_are_many(const struct fold_blocks *blocks)
{
	return blocks->count > 2048;
}

/* The slow half of fold_blocks_keep. */
void fold_blocks_keep_slot(struct fold_blocks *blocks, uint32_t slot,
			   const struct mft_ring_block *block);

/* To be called before a slot changes. */
static inline void fold_blocks_keep(struct fold_blocks *blocks, uint32_t slot,
				    const struct mft_ring_block *block)
{
	if (blocks->kept[slot] != blocks->step)
		fold_blocks_keep_slot(blocks, slot, block);
}

/* Where an address is in the index, or would be. Good until the next change. */
struct fold_spot {
	uint64_t hash;
	struct fold_segment *segment;
	struct fold_entry *entry;
};

/* The block at an address, or NULL; and its spot. */
static inline struct mft_ring_block *fold_blocks_get(const struct fold_blocks *blocks,
						     uint64_t address,
						     struct fold_spot *ret_spot)
{
	ret_spot->hash = fold_blocks_hash(address);
	ret_spot->segment = fold_blocks_segment(blocks, ret_spot->hash);
	ret_spot->entry =
		fold_blocks_find(blocks, ret_spot->segment, ret_spot->hash, address);
	if (ret_spot->entry->slot == 0)
		return NULL;
	return fold_blocks_slot(blocks, ret_spot->entry->slot - 1);
}

/* The slow half of fold_blocks_remove. */
void fold_blocks_close_hole(struct fold_segment *segment, struct fold_entry *hole);

/* Takes out the block that fold_blocks_get has found. What it said stays to be read until
 * the next one is added. */
static inline void fold_blocks_remove(struct fold_blocks *blocks,
				      const struct fold_spot *spot,
				      struct mft_ring_block *block)
{
	struct fold_entry *next = spot->entry + 1;
	const uint32_t slot = spot->entry->slot - 1;

	fold_blocks_keep(blocks, slot, block);
	block->address = 0;
	/* There is room: every slot was in it once. */
	blocks->spare[blocks->spare_count++] = slot;
	blocks->count--;
	spot->segment->count--;
	spot->entry->slot = 0;
	if (__builtin_expect(
		    next == spot->segment->entries + FOLD_SEGMENT_ENTRIES || next->slot, 0))
		fold_blocks_close_hole(spot->segment, spot->entry);
}

/* Makes room for one more block, and finds the spot of an address anew. Returns 0 or a
 * negative errno. */
int fold_blocks_make_room(struct fold_blocks *blocks, uint64_t address,
			  struct fold_spot *spot);

/* Makes a block for an address that fold_blocks_get has found to have none. Returns 0 and
 * the block, its address set and the rest to be filled in; or a negative errno. */
static inline int fold_blocks_add(struct fold_blocks *blocks, uint64_t address,
				  struct fold_spot *spot, struct mft_ring_block **ret_block)
{
	struct mft_ring_block *block;
	uint32_t slot;

	if (__builtin_expect(spot->segment->count >= FOLD_SEGMENT_MOST ||
				     blocks->spare_count == 0,
			     0)) {
		int r = fold_blocks_make_room(blocks, address, spot);

		if (r < 0)
			return r;
	}
	slot = blocks->spare[--blocks->spare_count];
	block = fold_blocks_slot(blocks, slot);
	fold_blocks_keep(blocks, slot, block);
	block->address = address;
	*spot->entry = (struct fold_entry){(uint32_t)spot->hash, slot + 1};
	spot->segment->count++;
	blocks->count++;
	*ret_block = block;
	return 0;
}

#endif
