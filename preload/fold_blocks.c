/* SPDX-License-Identifier: MIT */
#include "fold_blocks.h"

#include <errno.h>
#include <string.h>

#include "memory.h"

/* Bits of the directory at most. */
#define DEPTH_MOST 24u
#define SEGMENT_BYTES (FOLD_SEGMENT_BUCKETS * sizeof(struct fold_bucket))

/* ---- Slots ------------------------------------------------------------------------ */

void fold_blocks_keep_slot(struct fold_blocks *blocks, uint32_t slot,
			   const struct mft_ring_block *block)
{
	const struct fold_chunk *chunk =
		&blocks->chunks.chunks[slot >> FOLD_BLOCKS_CHUNK_SHIFT];

	/* Of an empty slot only the address says something. */
	fold_state_keep(blocks->state, chunk, block,
			block->address ? sizeof(*block) : sizeof(block->address));
	blocks->kept[slot] = blocks->step;
}

/* Another chunk of slots. */
static int add_slots(struct fold_blocks *blocks)
{
	const uint32_t first = blocks->chunks.count << FOLD_BLOCKS_CHUNK_SHIFT;
	const uint32_t slots = (blocks->chunks.count + 1) * blocks->in_chunk;
	void *array = blocks->spare;
	int r = 0;

	/* All of them may be empty at once. */
	if (blocks->spare_room < slots) {
		r = fold_state_regrow(&array, &blocks->spare_room, slots,
				      sizeof(*blocks->spare));
		blocks->spare = array;
	}
	array = blocks->kept;
	if (r == 0 && blocks->kept_room < first + (1u << FOLD_BLOCKS_CHUNK_SHIFT)) {
		r = fold_state_regrow(&array, &blocks->kept_room,
				      first + (1u << FOLD_BLOCKS_CHUNK_SHIFT),
				      sizeof(*blocks->kept));
		blocks->kept = array;
	}
	if (r == 0)
		r = fold_state_grow(blocks->state, &blocks->chunks, MFT_RING_LIVE);
	if (r < 0)
		return r;
	for (uint32_t i = blocks->in_chunk; i-- > 0;)
		blocks->spare[blocks->spare_count++] = first + i;
	blocks->state->now.live_chunks = blocks->chunks.count;
	return 0;
}

/* ---- The index -------------------------------------------------------------------- */

static int add_segment(struct fold_blocks *blocks, unsigned depth, uint32_t *ret_index)
{
	struct fold_segment *segment;

	if (blocks->segments_count == blocks->segments_room) {
		void *array = blocks->segments;
		int r = fold_state_regrow(&array, &blocks->segments_room, 0,
					  sizeof(*blocks->segments));

		if (r < 0)
			return r;
		blocks->segments = array;
	}
	segment = &blocks->segments[blocks->segments_count];
	segment->buckets = memory_map(SEGMENT_BYTES);
	if (!segment->buckets)
		return -ENOMEM;
	segment->count = 0;
	segment->depth = depth;
	*ret_index = blocks->segments_count++;
	return 0;
}

static int double_directory(struct fold_blocks *blocks)
{
	const uint32_t count = 1u << blocks->depth;

	if (blocks->depth == DEPTH_MOST)
		return -ENOMEM;
	if (2 * count > blocks->directory_room) {
		void *array = blocks->directory;
		int r = fold_state_regrow(&array, &blocks->directory_room, 2 * count,
					  sizeof(*blocks->directory));

		if (r < 0)
			return r;
		blocks->directory = array;
	}
	for (uint32_t i = count; i-- > 0;)
		blocks->directory[2 * i] = blocks->directory[2 * i + 1] =
			blocks->directory[i];
	blocks->depth++;
	return 0;
}

struct mft_ring_block *fold_blocks_get_rest(const struct fold_blocks *blocks,
					    uint64_t address, struct fold_spot *spot)
{
	const uint64_t tag = fold_blocks_tag(spot->hash);
	uint32_t i = fold_blocks_home(spot->hash);
	bool first_bucket = true;

	for (;;) {
		const struct fold_bucket *bucket = spot->bucket;
		struct mft_ring_block *block = NULL;

		if (!first_bucket)
			block = fold_bucket_get(
				blocks, address, 0,
				fold_tags_match(fold_bucket_tags(bucket), tag), spot);
		if (!block)
			block = fold_bucket_get(
				blocks, address, 8,
				fold_tags_match(fold_bucket_more_tags(bucket), tag), spot);
		if (block || bucket->passed == 0)
			return block;
		i = (i + 1) % FOLD_SEGMENT_BUCKETS;
		spot->bucket = &spot->segment->buckets[i];
		first_bucket = false;
	}
}

void fold_blocks_pass(const struct fold_spot *spot, int32_t by)
{
	const uint32_t end = (uint32_t)(spot->bucket - spot->segment->buckets);
	uint32_t i = fold_blocks_home(spot->hash);

	for (; i != end; i = (i + 1) % FOLD_SEGMENT_BUCKETS)
		spot->segment->buckets[i].passed += (uint32_t)by;
}

/* Enters all of a bucket's slots anew, each into that of two segments which its hash's bit
 * `depth`, counted from the first one, says. */
static void share_out(const struct fold_blocks *blocks, const struct fold_bucket *bucket,
		      unsigned depth, struct fold_segment *clear, struct fold_segment *set)
{
	for (uint32_t i = 0; i < FOLD_BUCKET_ENTRIES; i++) {
		struct fold_spot spot;

		if (!bucket->tags[i])
			continue;
		spot.hash = fold_blocks_hash(
			fold_blocks_slot(blocks, bucket->slots[i])->address);
		spot.segment = spot.hash >> (64 - depth) & 1 ? set : clear;
		fold_blocks_enter(&spot, bucket->slots[i]);
	}
}

/* Hands those of a segment's entries over to another one whose next bit is set. */
static int split(struct fold_blocks *blocks, uint64_t hash)
{
	uint32_t index = (uint32_t)(fold_blocks_segment(blocks, hash) - blocks->segments);
	const unsigned depth = blocks->segments[index].depth + 1;
	struct fold_segment *segment, *other;
	struct fold_bucket *buckets;
	uint32_t other_index, span, first;
	int r = 0;

	if (depth > blocks->depth)
		r = double_directory(blocks);
	if (r == 0)
		r = add_segment(blocks, depth, &other_index);
	if (r < 0)
		return r;
	segment = &blocks->segments[index];
	other = &blocks->segments[other_index];
	buckets = segment->buckets;
	segment->buckets = blocks->empty;
	segment->count = 0;
	segment->depth = depth;
	for (uint32_t i = 0; i < FOLD_SEGMENT_BUCKETS; i++)
		share_out(blocks, &buckets[i], depth, segment, other);
	memset(buckets, 0, SEGMENT_BYTES);
	blocks->empty = buckets;
	/* The directory's entries of the old segment lie in a row; the second half of them
	 * is the other's. */
	span = 1u << (blocks->depth - depth);
	first = ((uint32_t)(hash >> (64 - depth)) | 1u) * span;
	for (uint32_t i = 0; i < span; i++)
		blocks->directory[first + i] = other_index;
	return 0;
}

int fold_blocks_make_room(struct fold_blocks *blocks, uint64_t address,
			  struct fold_spot *spot)
{
	int r = blocks->spare_count ? 0 : add_slots(blocks);

	while (r == 0 &&
	       fold_blocks_segment(blocks, spot->hash)->count >= FOLD_SEGMENT_MOST)
		r = split(blocks, spot->hash);
	if (r == 0)
		(void)fold_blocks_get(blocks, address, spot);
	return r;
}

/* ---- Beginning and end ------------------------------------------------------------ */

int fold_blocks_begin(struct fold_blocks *blocks, struct fold_state *state)
{
	void *array = NULL;
	uint32_t first;
	int r;

	memset(blocks, 0, sizeof(*blocks));
	blocks->state = state;
	blocks->in_chunk = (state->chunk_bytes - MFT_RING_CONTENTS) /
			   (uint32_t)sizeof(struct mft_ring_block);
	r = fold_state_regrow(&array, &blocks->directory_room, 0,
			      sizeof(*blocks->directory));
	if (r < 0)
		return r;
	blocks->directory = array;
	r = add_segment(blocks, 0, &first);
	blocks->empty = memory_map(SEGMENT_BYTES);
	if (!blocks->empty)
		return -ENOMEM;
	if (r == 0)
		blocks->directory[0] = first;
	return r;
}

void fold_blocks_done(struct fold_blocks *blocks)
{
	for (uint32_t i = 0; i < blocks->segments_count; i++)
		memory_unmap(blocks->segments[i].buckets, SEGMENT_BYTES);
	if (blocks->empty)
		memory_unmap(blocks->empty, SEGMENT_BYTES);
	if (blocks->segments_room)
		memory_unmap(blocks->segments,
			     blocks->segments_room * sizeof(*blocks->segments));
	if (blocks->directory_room)
		memory_unmap(blocks->directory,
			     blocks->directory_room * sizeof(*blocks->directory));
	if (blocks->spare_room)
		memory_unmap(blocks->spare, blocks->spare_room * sizeof(*blocks->spare));
	if (blocks->kept_room)
		memory_unmap(blocks->kept, blocks->kept_room * sizeof(*blocks->kept));
	if (blocks->chunks.room)
		memory_unmap(blocks->chunks.chunks,
			     blocks->chunks.room * sizeof(*blocks->chunks.chunks));
	memset(blocks, 0, sizeof(*blocks));
}
