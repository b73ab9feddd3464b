/* SPDX-License-Identifier: MIT */
/*
 * fold_live.h - the blocks that are live in the state of a ring dump, by address.
 *
 * An extendible hash table (Fagin et al., "Extendible Hashing", ACM TODS 4, 1979): a chunk
 * of the dump is a table of its own, for the addresses whose hashes begin with the same
 * bits; one that is too full is replaced by two with one bit more. So it grows by a chunk
 * at a time, and nothing ever has to be moved but one chunk's blocks. Guarantees: addresses
 * are unique; a removed block leaves nothing behind. Threads: one at a time. Memory: about
 * 70 bytes of the dump for a block of the largest live set, and in memory 24 bytes for each
 * 1,000 blocks.
 */
#ifndef FOLD_LIVE_H
#define FOLD_LIVE_H

#include <stdint.h>

#include "fold_state.h"
#include "mft_ring.h"

struct fold_live {
	struct fold_state *state;
	uint32_t *directory; /* segments, by the first bits of the hash */
	uint32_t directory_room;
	unsigned depth; /* how many bits */
	struct fold_segment {
		struct fold_chunk chunk;
		uint32_t count;
		uint32_t depth; /* bits that all hashes in it have in common */
	} * segments;
	uint32_t segments_count, segments_room;
	uint32_t room; /* blocks that a segment has places for */
};

/* What adding a block, or removing one, takes of the journal at most. */
#define FOLD_LIVE_ADD_BYTES 192u
#define FOLD_LIVE_REMOVE_BYTES(chunk_bytes) (2u * (chunk_bytes))

/* Without blocks. Within a step. Returns 0 or a negative errno. */
int fold_live_begin(struct fold_live *live, struct fold_state *state);
void fold_live_done(struct fold_live *live);

static inline uint64_t fold_live_hash(uint64_t address)
{
	return (address ^ address >> 32) * 0x9e3779b97f4a7c15ull;
}

static inline struct fold_segment *fold_live_segment(const struct fold_live *live,
						     uint64_t hash)
{
	/* In two steps: a shift by 64 is none. */
	return &live->segments[live->directory[hash >> 1 >> (63 - live->depth)]];
}

static inline struct mft_ring_block *fold_live_blocks(const struct fold_segment *segment)
{
	return (struct mft_ring_block *)(void *)(segment->chunk.address +
						 MFT_RING_CONTENTS);
}

/* Where in its segment the search for a block begins. */
static inline uint32_t fold_live_home(const struct fold_live *live, uint64_t hash)
{
	return (uint32_t)((hash & UINT32_MAX) * live->room >> 32);
}

static inline void fold_live_prefetch(const struct fold_live *live, uint64_t address)
{
	const uint64_t hash = fold_live_hash(address);

	__builtin_prefetch(&fold_live_blocks(
		fold_live_segment(live, hash))[fold_live_home(live, hash)]);
}

/* The block at an address, or NULL. Good until the table changes. */
struct mft_ring_block *fold_live_find(const struct fold_live *live, uint64_t address);

/* Takes out a block that is one of the table's. */
void fold_live_remove(struct fold_live *live, struct mft_ring_block *block);

/* Adds a block whose address is not there. Returns 0 or a negative errno. */
int fold_live_add(struct fold_live *live, const struct mft_ring_block *block);

#endif
