/* SPDX-License-Identifier: MIT */
#include "fold_facts.h"

#include <string.h>

#include "fold.h"
#include "mft_codec.h"

/* The program moved the break (analyzer/leaks/breaks.h). */
static void move_break(struct fold_state *state, uint64_t before, uint64_t after)
{
	struct mft_ring_piece *pieces = state->now.pieces;
	const uint64_t end = before < after ? before : after;
	uint32_t count = state->now.breaks;

	while (count && pieces[count - 1].start >= end)
		count--;
	if (count && pieces[count - 1].end > end)
		pieces[count - 1].end = end;
	if (after > before) {
		if (count && (pieces[count - 1].end == before || count == MFT_RING_BREAKS))
			pieces[count - 1].end = after;
		else
			pieces[count++] = (struct mft_ring_piece){before, after};
	}
	state->now.breaks = count;
	state->pieces_changed = true;
}

void fold_facts_mapping(struct fold *fold, const struct mft_record *record)
{
	struct mft_ring_totals *totals = &fold->state.now.totals;
	struct mft_mapping call;
	uint64_t before = 0, after = 0;

	if (mft_decode_mapping(record->payload, &call) < 0) {
		totals->damaged++;
		return;
	}
	switch (record->op) {
	case MFT_OP_MMAP:
		totals->mmap_calls++;
		after = call.length;
		break;
	case MFT_OP_MUNMAP:
		totals->munmap_calls++;
		before = call.length;
		break;
	case MFT_OP_MREMAP:
		totals->mremap_calls++;
		after = call.length;
		before = call.old_length;
		break;
	case MFT_OP_BRK:
		totals->brk_calls++;
		after = call.address;
		before = call.old_address;
		move_break(&fold->state, before, after);
		break;
	default:
		totals->madvise_calls++;
		break;
	}
	if (after > before)
		totals->mapped_bytes += after - before;
	else
		totals->unmapped_bytes += before - after;
}

int fold_facts_room(struct fold_state *state, uint32_t bytes, uint32_t *ret_chunk,
		    uint32_t *ret_offset)
{
	if (state->facts.count == 0 ||
	    state->now.facts_bytes + bytes > state->chunk_bytes) {
		int r = fold_state_grow(state, &state->facts, MFT_RING_FACTS);

		if (r < 0)
			return r;
		state->now.facts_chunks = state->facts.count;
		state->now.facts_bytes = MFT_RING_CONTENTS;
	}
	*ret_chunk = state->facts.count - 1;
	*ret_offset = state->now.facts_bytes;
	state->now.facts_bytes += bytes;
	return 0;
}

int fold_facts_keep(struct fold_state *state, const struct mft_record *record)
{
	const uint8_t *bytes = record->payload.data - MFT_LONG_HEADER_BYTES;
	const uint32_t length = MFT_LONG_HEADER_BYTES + (uint32_t)record->payload.length;
	uint32_t chunk, offset;
	int r = fold_facts_room(state, length, &chunk, &offset);

	/* Beyond what counted: there is nothing to keep. */
	if (r == 0)
		memcpy(state->facts.chunks[chunk].address + offset, bytes, length);
	return r;
}

int fold_facts_thread(struct fold *fold, struct fold_stream *from,
		      const struct mft_record *record)
{
	struct mft_ring_totals *totals = &fold->state.now.totals;
	struct mft_thread told;

	if (mft_decode_thread(record->payload, &told) < 0) {
		totals->damaged++;
		return 0;
	}
	from->folded.last_address = 0;
	from->folded.thread = (uint32_t)told.tid;
	if (from->is_nested || totals->threads++ >= FOLD_THREADS_TOLD)
		return 0;
	return fold_facts_keep(&fold->state, record);
}
