/* SPDX-License-Identifier: MIT */
#include "fold_live.h"

#include <errno.h>
#include <string.h>

#include "memory.h"

/* Bits of the directory at most: as many as there can be places. */
#define DEPTH_MOST 24u

static int add_segment(struct fold_live *live, unsigned depth, uint32_t *ret_index)
{
	struct fold_segment *segment;
	int r;

	if (live->segments_count == live->segments_room) {
		void *array = live->segments;

		r = fold_state_regrow(&array, &live->segments_room, 0,
				      sizeof(*live->segments));
		if (r < 0)
			return r;
		live->segments = array;
	}
	segment = &live->segments[live->segments_count];
	memset(segment, 0, sizeof(*segment));
	segment->depth = depth;
	r = fold_state_take(live->state, MFT_RING_LIVE, live->segments_count,
			    &segment->chunk);
	if (r < 0)
		return r;
	*ret_index = live->segments_count++;
	live->state->now.live_chunks = live->segments_count;
	return 0;
}

int fold_live_begin(struct fold_live *live, struct fold_state *state)
{
	void *array = NULL;
	uint32_t first;
	int r;

	memset(live, 0, sizeof(*live));
	live->state = state;
	live->room = (state->chunk_bytes - MFT_RING_CONTENTS) /
		     (uint32_t)sizeof(struct mft_ring_block);
	r = fold_state_regrow(&array, &live->directory_room, 0, sizeof(*live->directory));
	if (r < 0)
		return r;
	live->directory = array;
	r = add_segment(live, 0, &first);
	if (r == 0)
		live->directory[0] = first;
	return r;
}

void fold_live_done(struct fold_live *live)
{
	if (live->directory_room)
		memory_unmap(live->directory,
			     live->directory_room * sizeof(*live->directory));
	if (live->segments_room)
		memory_unmap(live->segments, live->segments_room * sizeof(*live->segments));
	memset(live, 0, sizeof(*live));
}

/* The place of an address in a segment, or the empty one where it would go. */
static uint32_t find_in(const struct fold_live *live, const struct fold_segment *segment,
			uint64_t hash, uint64_t address)
{
	const struct mft_ring_block *blocks = fold_live_blocks(segment);
	uint32_t i = fold_live_home(live, hash);

	while (blocks[i].address != 0 && blocks[i].address != address)
		i = i + 1 == live->room ? 0 : i + 1;
	return i;
}

struct mft_ring_block *fold_live_find(const struct fold_live *live, uint64_t address)
{
	const uint64_t hash = fold_live_hash(address);
	const struct fold_segment *segment = fold_live_segment(live, hash);
	struct mft_ring_block *block =
		&fold_live_blocks(segment)[find_in(live, segment, hash, address)];

	return block->address ? block : NULL;
}

static void keep(struct fold_live *live, const struct fold_segment *segment,
		 const struct mft_ring_block *block)
{
	/* Of an empty place only the address says something. */
	fold_state_keep(live->state, &segment->chunk, block,
			block->address ? sizeof(*block) : sizeof(block->address));
}

/* How far i lies behind j, going round. */
static uint32_t distance(const struct fold_live *live, uint32_t j, uint32_t i)
{
	return i >= j ? i - j : i + live->room - j;
}

/* Blocks that could not have the hole move into it, so that none is cut off from its home
 * (Knuth, The Art of Computer Programming 3, 6.4, algorithm R). */
void fold_live_remove(struct fold_live *live, struct mft_ring_block *block)
{
	struct fold_segment *segment =
		fold_live_segment(live, fold_live_hash(block->address));
	struct mft_ring_block *blocks = fold_live_blocks(segment);
	uint32_t hole = (uint32_t)(block - blocks), i = hole;

	keep(live, segment, block);
	segment->count--;
	for (;;) {
		uint32_t home;

		i = i + 1 == live->room ? 0 : i + 1;
		if (blocks[i].address == 0)
			break;
		home = fold_live_home(live, fold_live_hash(blocks[i].address));
		if (distance(live, home, i) < distance(live, hole, i))
			continue;
		keep(live, segment, &blocks[i]);
		blocks[hole] = blocks[i];
		hole = i;
	}
	blocks[hole].address = 0;
}

/* ---- Growing ---------------------------------------------------------------------- */

static int double_directory(struct fold_live *live)
{
	const uint32_t count = 1u << live->depth;

	if (live->depth == DEPTH_MOST)
		return -ENOMEM;
	if (2 * count > live->directory_room) {
		void *array = live->directory;
		int r = fold_state_regrow(&array, &live->directory_room, 2 * count,
					  sizeof(*live->directory));

		if (r < 0)
			return r;
		live->directory = array;
	}
	for (uint32_t i = count; i-- > 0;)
		live->directory[2 * i] = live->directory[2 * i + 1] = live->directory[i];
	live->depth++;
	return 0;
}

/* Puts a block into a segment that this step has made: nothing has to be kept. */
static void put_new(const struct fold_live *live, struct fold_segment *segment,
		    const struct mft_ring_block *block)
{
	const uint64_t hash = fold_live_hash(block->address);

	fold_live_blocks(segment)[find_in(live, segment, hash, block->address)] = *block;
	segment->count++;
}

/* Replaces a segment by two, which the next bit tells apart. The old chunk stays as it is
 * until the step has ended. */
static int split(struct fold_live *live, uint32_t index, uint64_t hash)
{
	struct fold_segment *segment = &live->segments[index], old = *segment, *other;
	const unsigned depth = old.depth + 1;
	uint32_t other_index, span, first;
	int r = 0;

	if (depth > live->depth)
		r = double_directory(live);
	if (r == 0)
		r = add_segment(live, depth, &other_index);
	if (r < 0)
		return r;
	segment = &live->segments[index];
	other = &live->segments[other_index];
	r = fold_state_drop(live->state, &old.chunk);
	if (r == 0)
		r = fold_state_take(live->state, MFT_RING_LIVE, index, &segment->chunk);
	if (r < 0)
		return r;
	segment->count = 0;
	segment->depth = depth;
	for (uint32_t i = 0; i < live->room; i++) {
		const struct mft_ring_block *block = &fold_live_blocks(&old)[i];

		if (block->address == 0)
			continue;
		if (fold_live_hash(block->address) >> (64 - depth) & 1)
			put_new(live, other, block);
		else
			put_new(live, segment, block);
	}
	/* The entries of the old segment lie in a row; the second half is the other's. */
	span = 1u << (live->depth - depth);
	first = (uint32_t)(hash >> (64 - depth)) | 1u;
	for (uint32_t i = 0; i < span; i++)
		live->directory[first * span + i] = other_index;
	return 0;
}

int fold_live_add(struct fold_live *live, const struct mft_ring_block *block)
{
	const uint64_t hash = fold_live_hash(block->address);
	struct fold_segment *segment = fold_live_segment(live, hash);
	struct mft_ring_block *place;

	while (segment->count >= live->room / 4 * 3) {
		int r = split(live, (uint32_t)(segment - live->segments), hash);

		if (r < 0)
			return r;
		segment = fold_live_segment(live, hash);
	}
	place = &fold_live_blocks(segment)[find_in(live, segment, hash, block->address)];
	keep(live, segment, place);
	/* Whoever finds the address finds the rest. */
	place->size = block->size;
	place->usable = block->usable;
	place->birth = block->birth;
	place->site = block->site;
	place->thread = block->thread;
	__atomic_store_n(&place->address, block->address, __ATOMIC_RELEASE);
	segment->count++;
	return 0;
}
