/* SPDX-License-Identifier: MIT */
/*
 * fold_blocks.h - the blocks that are live in the state of a ring dump.
 *
 * In the dump they lie in slots, in no order; a slot that was given up last is used first,
 * so that blocks that die soon keep to a few slots. Where the block of an address is, an
 * index in memory knows: an extendible hash table (Fagin et al., "Extendible Hashing", ACM
 * TODS 4, 1979) of segments, so that nothing ever has to be moved but one segment. A
 * segment consists of buckets of one cache line: a byte of each entry's hash, all compared
 * at once (Lamport, "Multiple Byte Processing with Full-Word Instructions", CACM 18, 1975),
 * and the slots. What does not fit into its bucket lies in the next one that has room.
 * Guarantees: addresses are unique; a removed block leaves nothing behind.
 * Threads: one at a time. Memory: for a block of the largest live set, 40 bytes of the dump
 * and about 24 in memory.
 */
#ifndef FOLD_BLOCKS_H
#define FOLD_BLOCKS_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "fold_state.h"
#include "mft_ring.h"

/* Slots are numbered by chunk and place in the chunk. */
#define FOLD_BLOCKS_CHUNK_SHIFT 11

#define FOLD_BUCKET_ENTRIES 12u
#define FOLD_SEGMENT_BUCKETS 128u

/* When there are more in it, it is split: at 60 of 100 one bucket of 30 overflows. */
#define FOLD_SEGMENT_MOST (FOLD_SEGMENT_BUCKETS * FOLD_BUCKET_ENTRIES / 10 * 6)

struct fold_bucket {
	/* FOLD_TAG_USED and seven bits of the hash, or 0: the entry is empty. */
	uint8_t tags[FOLD_BUCKET_ENTRIES];
	uint32_t passed; /* entries farther on that belong here or before */
	uint32_t slots[FOLD_BUCKET_ENTRIES];
};
_Static_assert(sizeof(struct fold_bucket) == 64, "a cache line");

#define FOLD_TAG_USED 0x80u
#define FOLD_EACH_BYTE 0x0101010101010101ull
#define FOLD_EACH_TOP_BIT 0x8080808080808080ull

struct fold_segment {
	struct fold_bucket *buckets;
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
	struct fold_bucket *empty; /* of a segment to be, all zeros */
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

/* Where in its segment the search for a hash begins. Not the bits that segments and tags
 * go by. */
static inline uint32_t fold_blocks_home(uint64_t hash)
{
	return (uint32_t)(hash >> 32) % FOLD_SEGMENT_BUCKETS;
}

/* A hash's tag, in every byte. */
static inline uint64_t fold_blocks_tag(uint64_t hash)
{
	return ((hash >> 25 & 0x7f) | FOLD_TAG_USED) * FOLD_EACH_BYTE;
}

/* The first eight of a bucket's tags, and the others. */
static inline uint64_t fold_bucket_tags(const struct fold_bucket *bucket)
{
	uint64_t tags;

	memcpy(&tags, bucket->tags, sizeof(tags));
	return tags;
}

static inline uint32_t fold_bucket_more_tags(const struct fold_bucket *bucket)
{
	uint32_t tags;

	memcpy(&tags, bucket->tags + sizeof(uint64_t), sizeof(tags));
	return tags;
}

/* Whether nothing lies in it but among the first eight, nor behind it. */
static inline bool fold_bucket_is_simple(const struct fold_bucket *bucket)
{
	return (fold_bucket_more_tags(bucket) | bucket->passed) == 0;
}

/* The bytes that are a tag, by their top bits; at times one behind such a byte too, if its
 * tag differs in the lowest bit. */
static inline uint64_t fold_tags_match(uint64_t tags, uint64_t tag)
{
	const uint64_t difference = tags ^ tag;

	return (difference - FOLD_EACH_BYTE) & ~difference & FOLD_EACH_TOP_BIT;
}

/* The index of the first byte that has its top bit set. */
static inline uint32_t fold_tags_first(uint64_t tags)
{
	return (uint32_t)__builtin_ctzll(tags) / 8;
}

static inline struct mft_ring_block *fold_blocks_slot(const struct fold_blocks *blocks,
						      uint32_t slot)
{
	uint8_t *chunk = blocks->chunks.chunks[slot >> FOLD_BLOCKS_CHUNK_SHIFT].address;
	uint32_t i = slot & ((1u << FOLD_BLOCKS_CHUNK_SHIFT) - 1);

	return &((struct mft_ring_block *)(void *)(chunk + MFT_RING_CONTENTS))[i];
}

/* Fetches what the search for an address looks at first. */
static inline void fold_blocks_fetch_entry(const struct fold_blocks *blocks,
					   uint64_t address)
{
	const uint64_t hash = fold_blocks_hash(address);

	__builtin_prefetch(
		&fold_blocks_segment(blocks, hash)->buckets[fold_blocks_home(hash)]);
}

/* Then fetches its block. */
static inline void fold_blocks_fetch_block(const struct fold_blocks *blocks,
					   uint64_t address)
{
	const uint64_t hash = fold_blocks_hash(address);
	const struct fold_bucket *bucket =
		&fold_blocks_segment(blocks, hash)->buckets[fold_blocks_home(hash)];
	const uint64_t match =
		fold_tags_match(fold_bucket_tags(bucket), fold_blocks_tag(hash));

	/* Mostly it is there, among the first. */
	if (match)
		__builtin_prefetch(
			fold_blocks_slot(blocks, bucket->slots[fold_tags_first(match)]));
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

/* Where an address is in the index; of one that is not there, only the first two count.
 * Good until the next change. */
struct fold_spot {
	uint64_t hash;
	struct fold_segment *segment;
	struct fold_bucket *bucket;
	uint32_t entry;
};

/* Looks for an address among entries of a spot's bucket, from `first` on, whose tags match.
 * Sets the spot's entry. */
static inline struct mft_ring_block *fold_bucket_get(const struct fold_blocks *blocks,
						     uint64_t address, uint32_t first,
						     uint64_t match, struct fold_spot *spot)
{
	for (; match; match &= match - 1) {
		const uint32_t entry = first + fold_tags_first(match);
		struct mft_ring_block *block =
			fold_blocks_slot(blocks, spot->bucket->slots[entry]);

		if (__builtin_expect(block->address == address, 1)) {
			spot->entry = entry;
			return block;
		}
	}
	return NULL;
}

/* The slow half of fold_blocks_get: the spot's bucket has none among its first eight. */
struct mft_ring_block *fold_blocks_get_rest(const struct fold_blocks *blocks,
					    uint64_t address, struct fold_spot *spot);

/* The block at an address, or NULL; and its spot. */
static inline __attribute__((always_inline)) struct mft_ring_block *
fold_blocks_get(const struct fold_blocks *blocks, uint64_t address,
		struct fold_spot *ret_spot)
{
	const uint64_t hash = fold_blocks_hash(address);
	struct mft_ring_block *block;

	ret_spot->hash = hash;
	ret_spot->segment = fold_blocks_segment(blocks, hash);
	ret_spot->bucket = &ret_spot->segment->buckets[fold_blocks_home(hash)];
	block = fold_bucket_get(
		blocks, address, 0,
		fold_tags_match(fold_bucket_tags(ret_spot->bucket), fold_blocks_tag(hash)),
		ret_spot);
	if (block || __builtin_expect(fold_bucket_is_simple(ret_spot->bucket), 1))
		return block;
	return fold_blocks_get_rest(blocks, address, ret_spot);
}

/* Counts an entry of a spot's hash in or out of the buckets before the one that it is in.
 */
void fold_blocks_pass(const struct fold_spot *spot, int32_t by);

/* Takes out the block that fold_blocks_get has found. What it said stays to be read until
 * the next one is added. */
static inline void fold_blocks_remove(struct fold_blocks *blocks,
				      const struct fold_spot *spot,
				      struct mft_ring_block *block)
{
	const uint32_t slot = spot->bucket->slots[spot->entry];

	fold_blocks_keep(blocks, slot, block);
	block->address = 0;
	/* There is room: every slot was in it once. */
	blocks->spare[blocks->spare_count++] = slot;
	blocks->count--;
	spot->segment->count--;
	spot->bucket->tags[spot->entry] = 0;
	if (__builtin_expect(spot->bucket !=
				     &spot->segment->buckets[fold_blocks_home(spot->hash)],
			     0))
		fold_blocks_pass(spot, -1);
}

/* The first empty entry of a bucket, or FOLD_BUCKET_ENTRIES. */
static inline uint32_t fold_bucket_empty(const struct fold_bucket *bucket)
{
	const uint64_t empty = ~fold_bucket_tags(bucket) & FOLD_EACH_TOP_BIT;
	uint32_t more;

	if (__builtin_expect(empty != 0, 1))
		return fold_tags_first(empty);
	more = ~fold_bucket_more_tags(bucket) & (uint32_t)FOLD_EACH_TOP_BIT;
	return 8 + (more ? fold_tags_first(more) : FOLD_BUCKET_ENTRIES - 8);
}

/* Makes an entry for a slot. The segment has room. */
static inline void fold_blocks_enter(struct fold_spot *spot, uint32_t slot)
{
	uint32_t i = fold_blocks_home(spot->hash);

	spot->bucket = &spot->segment->buckets[i];
	while (__builtin_expect((spot->entry = fold_bucket_empty(spot->bucket)) ==
					FOLD_BUCKET_ENTRIES,
				0)) {
		spot->bucket->passed++;
		i = (i + 1) % FOLD_SEGMENT_BUCKETS;
		spot->bucket = &spot->segment->buckets[i];
	}
	spot->bucket->tags[spot->entry] = (uint8_t)fold_blocks_tag(spot->hash);
	spot->bucket->slots[spot->entry] = slot;
	spot->segment->count++;
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
	fold_blocks_enter(spot, slot);
	blocks->count++;
	*ret_block = block;
	return 0;
}

#endif
