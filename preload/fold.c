/* SPDX-License-Identifier: MIT */
#include "fold.h"

#include <errno.h>
#include <string.h>

#include "fold_event.h"
#include "memory.h"
#include "places.h"

/* What an event takes of the journal at most, and what a stream does when the step ends. */
#define EVENT_BYTES (2 * FOLD_BLOCKS_BYTES + FOLD_LEDGER_BYTES + FOLD_STACKS_BYTES)
#define STREAM_BYTES 192u

#define STREAMS_BYTES (FOLD_STREAMS_MOST * sizeof(struct fold_stream *))
#define TURNS_BYTES (FOLD_STREAMS_MOST * sizeof(struct fold_turn))

/* ---- Turns ------------------------------------------------------------------------ */

static bool is_before(const struct fold_turn *a, const struct fold_turn *b)
{
	return a->clock != b->clock ? a->clock < b->clock
				    : a->stream->number < b->stream->number;
}

/* Lets the turn at i sink to where it belongs. */
static void sink(struct fold *fold, uint32_t i)
{
	const struct fold_turn turn = fold->turns[i];
	uint32_t child;

	while ((child = 2 * i + 1) < fold->turns_count) {
		if (child + 1 < fold->turns_count &&
		    is_before(&fold->turns[child + 1], &fold->turns[child]))
			child++;
		if (!is_before(&fold->turns[child], &turn))
			break;
		fold->turns[i] = fold->turns[child];
		i = child;
	}
	fold->turns[i] = turn;
}

/* Reads ahead, and keeps out of the cut what cannot be seen to its end. */
static bool fill(struct fold *fold, struct fold_stream *stream)
{
	bool is_there = fold_stream_fill(stream, fold->places);

	if (__builtin_expect(stream->is_short, 0) &&
	    stream->decoder.clock < fold->cut_clock)
		fold->cut_clock = stream->decoder.clock;
	return is_there;
}

/* Makes a new cut and sets all turns anew. */
static void cut(struct fold *fold)
{
	const uint32_t begun = __atomic_load_n(&fold->streams_begun, __ATOMIC_ACQUIRE);
	const uint32_t end = __atomic_load_n(&fold->streams_end, __ATOMIC_ACQUIRE);

	fold->turns_count = 0;
	fold->cut_clock = fold_stream_cut(fold->streams, end, fold->places,
					  &fold->streams_begun, begun);
	for (uint32_t i = 0; i < end; i++) {
		struct fold_stream *stream = fold->streams[i];

		if (!stream || stream->cut_place == PLACES_NONE)
			continue;
		/* What was read ahead of the last cut and lay behind its clock is still to
		 * be taken. */
		if (stream->taken == stream->filled && !fill(fold, stream))
			continue;
		fold->turns[fold->turns_count++] =
			(struct fold_turn){stream->ahead[stream->taken].clock, stream};
	}
	for (uint32_t i = fold->turns_count / 2; i-- > 0;)
		sink(fold, i);
}

/* Up to which clock the first turn's stream may be read before another one's turn comes. */
static uint64_t turn_end(const struct fold *fold)
{
	const struct fold_turn *next = &fold->turns[1];
	uint64_t clock;

	if (fold->turns_count < 2)
		return fold->cut_clock;
	if (fold->turns_count > 2 && is_before(&fold->turns[2], next))
		next = &fold->turns[2];
	clock = fold->turns[0].stream->number < next->stream->number ? next->clock
								     : next->clock - 1;
	return clock < fold->cut_clock ? clock : fold->cut_clock;
}

/* ---- A step ----------------------------------------------------------------------- */

/* Whether what was read ahead of a stream fits into the step, and another stream. */
static inline bool has_room(const struct fold *fold)
{
	return fold_state_room(&fold->state) >
	       FOLD_STREAM_BATCH * EVENT_BYTES +
		       STREAM_BYTES * (uint64_t)(fold->dirty_count + 1);
}

static int note_emptied(struct fold *fold, uint32_t place)
{
	void *array = fold->emptied;
	int r;

	if (fold->emptied_count == fold->emptied_room) {
		r = fold_state_regrow(&array, &fold->emptied_room, 0,
				      sizeof(*fold->emptied));
		if (r < 0)
			return r;
		fold->emptied = array;
	}
	fold->emptied[fold->emptied_count++] = place;
	return 0;
}

/* A chunk is folded whole. */
static int end_chunk(struct fold *fold, struct fold_stream *stream, uint32_t place)
{
	const struct mft_chunk *chunk =
		(const struct mft_chunk *)(const void *)places_address(fold->places, place);
	struct mft_ring_totals *totals = &fold->state.now.totals;

	totals->lost_events += chunk->lost_events;
	totals->fallback_stacks += chunk->fallback_stacks;
	totals->stack_checks += chunk->stack_checks;
	totals->stack_differences += chunk->stack_differences;
	stream->folded.seq++;
	stream->folded.offset = 0;
	stream->folded.address = 0;
	return note_emptied(fold, place);
}

/* Fetches what the events that were read ahead will look at first. */
static void fetch(const struct fold *fold, const struct fold_stream *stream)
{
	if (!fold_blocks_are_many(&fold->blocks))
		return;
	for (uint32_t i = 0; i < stream->filled; i++)
		if (fold_ahead_is_event(&stream->ahead[i]))
			fold_blocks_fetch_entry(&fold->blocks, stream->ahead[i].address);
}

/* Which of the records read ahead are not later than `clock`, and of one chunk: the index
 * behind the last of them. */
static uint32_t find_end(const struct fold_stream *stream, uint64_t clock)
{
	uint32_t end = stream->taken;

	while (end < stream->filled && stream->ahead[end].clock <= clock &&
	       stream->ahead[end].op != MFT_OP_END)
		end++;
	return end;
}

/* Folds the first turn's records until another turn comes, or `bytes` are folded. */
static int take_records(struct fold *fold, struct fold_stream *stream, uint64_t bytes)
{
	const uint64_t clock = turn_end(fold);
	int r = 0;

	while (r == 0 && fold->bytes < bytes && has_room(fold)) {
		uint32_t end;

		if (stream->taken == stream->filled) {
			if (!fill(fold, stream))
				break;
			fetch(fold, stream);
		}
		end = find_end(stream, clock);
		if (end > stream->taken) {
			r = fold_events(fold, stream, end);
		} else if (stream->ahead[end].op == MFT_OP_END) {
			r = end_chunk(fold, stream, stream->ahead[end].place);
			stream->taken++;
		} else {
			break;
		}
	}
	return r;
}

static int take_turn(struct fold *fold, uint64_t bytes)
{
	struct mft_ring_totals *totals = &fold->state.now.totals;
	struct fold_stream *stream = fold->turns[0].stream;
	int r;

	if (!stream->is_dirty) {
		stream->is_dirty = true;
		stream->next_dirty = fold->dirty;
		fold->dirty = stream;
		fold->dirty_count++;
	}
	r = take_records(fold, stream, bytes);
	if (stream->folded.clock > totals->clock)
		totals->clock = stream->folded.clock;
	/* Whether more of it may be read, shows at its next turn. */
	if (stream->taken < stream->filled)
		fold->turns[0].clock = stream->ahead[stream->taken].clock;
	else if (r == 0 && fill(fold, stream))
		fold->turns[0].clock = stream->ahead[stream->taken].clock;
	else
		fold->turns[0] = fold->turns[--fold->turns_count];
	sink(fold, 0);
	return r;
}

static int write_stream(struct fold *fold, struct fold_stream *stream)
{
	struct fold_state *state = &fold->state;
	struct mft_ring_stream *place;
	struct fold_chunk chunk;
	int r = 0;

	stream->folded.nodes = stream->nodes.count;
	if (stream->index == 0) {
		if (state->now.streams ==
		    state->streams.count *
			    ((state->chunk_bytes - MFT_RING_CONTENTS) / sizeof(*place)))
			r = fold_state_grow(state, &state->streams, MFT_RING_STREAMS);
		if (r < 0)
			return r;
		stream->index = ++state->now.streams;
		place = fold_state_element(state, &state->streams, stream->index - 1,
					   sizeof(*place), &chunk);
	} else {
		place = fold_state_element(state, &state->streams, stream->index - 1,
					   sizeof(*place), &chunk);
		fold_state_keep(state, &chunk, place, sizeof(*place));
	}
	*place = stream->folded;
	return 0;
}

static int end_step(struct fold *fold)
{
	int r = 0;

	fold_ledger_end(&fold->ledger);
	while (r == 0 && fold->dirty) {
		struct fold_stream *stream = fold->dirty;

		r = write_stream(fold, stream);
		fold->dirty = stream->next_dirty;
		stream->is_dirty = false;
		fold->dirty_count--;
	}
	if (r < 0)
		return r;
	fold_state_commit(&fold->state);
	for (uint32_t i = 0; i < fold->emptied_count; i++)
		places_push(fold->places, fold->emptied[i]);
	fold->emptied_count = 0;
	return 0;
}

/* Folds `bytes` of records, or fewer. Sets *ret_more to whether there may be more. */
static int step(struct fold *fold, uint64_t bytes, bool *ret_more)
{
	bool is_cut = false;
	int r = 0;

	fold->bytes = 0;
	fold_state_step(&fold->state);
	fold_ledger_step(&fold->ledger);
	fold_blocks_step(&fold->blocks);
	*ret_more = true;
	while (r == 0 && fold->bytes < bytes && has_room(fold)) {
		if (fold->turns_count == 0 || fold->turns[0].clock > fold->cut_clock) {
			*ret_more = !is_cut;
			if (is_cut)
				break;
			cut(fold);
			is_cut = true;
			continue;
		}
		r = take_turn(fold, bytes);
	}
	return r < 0 ? r : end_step(fold);
}

int fold_run(struct fold *fold, uint64_t bytes, uint64_t *ret_bytes)
{
	uint64_t done = 0;
	bool more = true;
	int r = 0;

	while (r == 0 && more && done < bytes) {
		r = step(fold, bytes - done, &more);
		done += fold->bytes;
	}
	if (r == 0)
		*ret_bytes = done;
	return r;
}

void fold_seal(struct fold *fold)
{
	fold_state_seal(&fold->state, &fold->blocks.chunks);
}

/* ---- Beginning and end ------------------------------------------------------------ */

struct fold_stream *fold_add_stream(struct fold *fold, uint32_t number, bool is_nested,
				    const struct mft_encoder *encoder)
{
	struct fold_stream *stream;
	uint32_t end;

	if (number >= FOLD_STREAMS_MOST)
		return NULL;
	stream = memory_map(sizeof(*stream));
	if (!stream)
		return NULL;
	stream->encoder = encoder;
	stream->number = number;
	stream->is_nested = is_nested;
	stream->folded.stream = number;
	stream->folded.flags = is_nested ? MFT_RING_STREAM_NESTED : 0;
	/* Partner: cut. */
	__atomic_store_n(&fold->streams[number], stream, __ATOMIC_RELEASE);
	end = __atomic_load_n(&fold->streams_end, __ATOMIC_RELAXED);
	while (end < number + 1 &&
	       !__atomic_compare_exchange_n(&fold->streams_end, &end, number + 1, false,
					    __ATOMIC_RELEASE, __ATOMIC_RELAXED))
		;
	__atomic_fetch_add(&fold->streams_begun, 1, __ATOMIC_SEQ_CST);
	return stream;
}

int fold_begin(struct fold *fold, struct places *places, uint64_t ring_bytes)
{
	int r;

	memset(fold, 0, sizeof(*fold));
	fold->places = places;
	fold->streams = memory_map(STREAMS_BYTES);
	fold->turns = memory_map(TURNS_BYTES);
	r = fold->streams && fold->turns ? 0 : -ENOMEM;
	if (r == 0)
		r = fold_state_begin(&fold->state, places, ring_bytes);
	if (r < 0)
		return r;
	fold_ledger_begin(&fold->ledger, &fold->state);
	r = fold_stacks_begin(&fold->stacks, &fold->state);
	if (r == 0)
		r = fold_blocks_begin(&fold->blocks, &fold->state);
	return r;
}

void fold_done(struct fold *fold)
{
	for (uint32_t i = 0; fold->streams && i < fold->streams_end; i++) {
		if (!fold->streams[i])
			continue;
		fold_nodemap_done(&fold->streams[i]->nodes);
		memory_unmap(fold->streams[i], sizeof(*fold->streams[i]));
	}
	if (fold->streams)
		memory_unmap(fold->streams, STREAMS_BYTES);
	if (fold->turns)
		memory_unmap(fold->turns, TURNS_BYTES);
	if (fold->emptied_room)
		memory_unmap(fold->emptied, fold->emptied_room * sizeof(*fold->emptied));
	fold_stacks_done(&fold->stacks);
	fold_modules_done(&fold->modules);
	fold_ledger_done(&fold->ledger);
	fold_blocks_done(&fold->blocks);
	fold_state_done(&fold->state);
	memset(fold, 0, sizeof(*fold));
}
