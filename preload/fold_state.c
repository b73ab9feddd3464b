/* SPDX-License-Identifier: MIT */
#include "fold_state.h"

#include <errno.h>
#include <string.h>

#include "memory.h"
#include "mft_seal.h"
#include "places.h"

#define JOURNAL_CHUNKS 16u
/* Taken at once. */
#define STATE_PLACES 8u

/* What of the root is undone with a step, in two parts: the second seldom changes. */
#define COUNTS_BEGIN offsetof(struct mft_ring_root, facts_chunks)
#define COUNTS_BYTES (offsetof(struct mft_ring_root, pieces) - COUNTS_BEGIN)
#define PIECES_BYTES sizeof(((struct mft_ring_root *)0)->pieces)

int fold_state_regrow(void **array, uint32_t *room, uint32_t least, size_t element_bytes)
{
	uint32_t more = *room ? *room : (uint32_t)(4096 / element_bytes);
	void *grown;

	while (more <= *room || more < least) {
		if (more > UINT32_MAX / 2)
			return -ENOMEM;
		more *= 2;
	}
	grown = memory_map(more * element_bytes);
	if (!grown)
		return -ENOMEM;
	if (*room) {
		memcpy(grown, *array, *room * element_bytes);
		memory_unmap(*array, *room * element_bytes);
	}
	*array = grown;
	*room = more;
	return 0;
}

static int append(struct fold_chunks *chunks, const struct fold_chunk *chunk)
{
	void *array = chunks->chunks;

	if (chunks->count == chunks->room) {
		int r = fold_state_regrow(&array, &chunks->room, 0, sizeof(*chunk));

		if (r < 0)
			return r;
		chunks->chunks = array;
	}
	chunks->chunks[chunks->count++] = *chunk;
	return 0;
}

static void forget(struct fold_chunks *chunks)
{
	if (chunks->room)
		memory_unmap(chunks->chunks, chunks->room * sizeof(*chunks->chunks));
	memset(chunks, 0, sizeof(*chunks));
}

/* ---- The journal ------------------------------------------------------------------ */

const void *fold_state_keep(struct fold_state *state, const struct fold_chunk *chunk,
			    const void *p, size_t bytes)
{
	const struct mft_ring_undo undo = {
		.offset = state->file_header_bytes +
			  (uint64_t)chunk->place * state->chunk_bytes +
			  (uint64_t)((const uint8_t *)p - chunk->address),
		.bytes = (uint32_t)bytes};
	uint8_t *entry = state->journal + state->journal_used;

	memcpy(entry, &undo, sizeof(undo));
	memcpy(entry + sizeof(undo), p, bytes);
	state->journal_used += fold_state_entry_bytes(bytes);
	/* Partner: the reader. What changes comes behind this. */
	__atomic_store_n(&state->root->journal_bytes, state->journal_used,
			 __ATOMIC_RELEASE);
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
#if !defined(__x86_64__)
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
#endif
	return entry + sizeof(undo);
}

static uint64_t *root_seal(const struct fold_state *state)
{
	return &((struct mft_chunk *)(void *)state->root_chunk.address)->seal;
}

void fold_state_step(struct fold_state *state)
{
	/* Without the root's nobody looks at the others'. */
	if (__builtin_expect(state->is_sealed, 0)) {
		__atomic_store_n(root_seal(state), 0, __ATOMIC_SEQ_CST);
		state->is_sealed = false;
	}
	state->journal_used = 0;
	__atomic_store_n(&state->root->journal_bytes, 0, __ATOMIC_RELEASE);
	__atomic_store_n(&state->root->sequence, state->root->sequence + 1,
			 __ATOMIC_SEQ_CST);
}

static void reuse_spent(struct fold_state *state)
{
	for (uint32_t i = 0; i < state->spent.count; i++) {
		state->spent.chunks[i].worn = true;
		/* Without memory for it the place is lost, no more. */
		(void)append(&state->spare, &state->spent.chunks[i]);
	}
	state->spent.count = 0;
}

void fold_state_commit(struct fold_state *state)
{
	uint8_t *counts = (uint8_t *)state->root + COUNTS_BEGIN;

	(void)fold_state_keep(state, &state->root_chunk, counts, COUNTS_BYTES);
	memcpy(counts, (const uint8_t *)&state->now + COUNTS_BEGIN, COUNTS_BYTES);
	if (state->pieces_changed) {
		(void)fold_state_keep(state, &state->root_chunk, state->root->pieces,
				      PIECES_BYTES);
		memcpy(state->root->pieces, state->now.pieces, PIECES_BYTES);
		state->pieces_changed = false;
	}
	__atomic_store_n(&state->root->sequence, state->root->sequence + 1,
			 __ATOMIC_SEQ_CST);
	reuse_spent(state);
}

static void seal_chunks(const struct fold_state *state, const struct fold_chunks *chunks)
{
	for (uint32_t i = 0; i < chunks->count; i++) {
		struct mft_chunk *chunk =
			(struct mft_chunk *)(void *)chunks->chunks[i].address;

		chunk->seal = mft_seal_chunk(chunk, state->chunk_bytes, state->chunk_bytes);
	}
}

void fold_state_seal(struct fold_state *state, const struct fold_chunks *blocks)
{
	seal_chunks(state, &state->facts);
	seal_chunks(state, &state->nodes);
	seal_chunks(state, &state->granules);
	seal_chunks(state, &state->sites);
	seal_chunks(state, &state->streams);
	seal_chunks(state, blocks);
	/* Partner: the reader, which takes the others' word for it only with this. */
	__atomic_store_n(
		root_seal(state),
		mft_seal_root((const struct mft_chunk *)(void *)state->root_chunk.address,
			      state->chunk_bytes),
		__ATOMIC_RELEASE);
	state->is_sealed = true;
}

/* ---- Chunks ----------------------------------------------------------------------- */

/* More places that hold nothing. Where there is no space for them, one of the ring's. */
static int lay_in_places(struct fold_state *state)
{
	struct fold_chunk chunk = {0};
	uint32_t first, count = STATE_PLACES;
	int r = places_add(state->places, count, &first);

	if (r < 0) {
		first = places_take_out(state->places);
		if (first == PLACES_NONE)
			return r;
		count = 1;
		chunk.worn = true;
		r = 0;
	}
	for (uint32_t i = count; r == 0 && i > 0; i--) {
		chunk.place = first + i - 1;
		chunk.address = places_address(state->places, chunk.place);
		r = append(&state->spare, &chunk);
	}
	return r;
}

/* A place that holds nothing, its contents zero-filled. */
static int take_place(struct fold_state *state, struct fold_chunk *ret_chunk)
{
	if (state->spare.count == 0) {
		int r = lay_in_places(state);

		if (r < 0)
			return r;
	}
	*ret_chunk = state->spare.chunks[--state->spare.count];
	if (ret_chunk->worn)
		places_wipe(state->places, ret_chunk->place);
	ret_chunk->worn = false;
	return 0;
}

static void fill_header(const struct fold_chunk *at, enum mft_ring_kind kind, uint32_t seq)
{
	struct mft_chunk *chunk = (struct mft_chunk *)(void *)at->address;

	chunk->kind = (uint16_t)kind;
	chunk->header_bytes = MFT_RING_CONTENTS;
	chunk->seq = seq;
	/* Partner: the reader takes nothing of a chunk without its magic. */
	__atomic_store_n(&chunk->magic, MFT_CHUNK_MAGIC, __ATOMIC_RELEASE);
}

int fold_state_take(struct fold_state *state, enum mft_ring_kind kind, uint32_t seq,
		    struct fold_chunk *ret_chunk)
{
	int r = take_place(state, ret_chunk);

	if (r < 0)
		return r;
	/* Undone, it is no chunk again. */
	(void)fold_state_keep(state, ret_chunk, ret_chunk->address, sizeof(uint32_t));
	fill_header(ret_chunk, kind, seq);
	return 0;
}

int fold_state_drop(struct fold_state *state, const struct fold_chunk *chunk)
{
	int r = append(&state->spent, chunk);

	if (r < 0)
		return r;
	(void)fold_state_keep(state, chunk, chunk->address, sizeof(uint32_t));
	__atomic_store_n((uint32_t *)(void *)chunk->address, 0, __ATOMIC_RELEASE);
	return 0;
}

int fold_state_grow(struct fold_state *state, struct fold_chunks *chunks,
		    enum mft_ring_kind kind)
{
	struct fold_chunk chunk;
	int r = fold_state_take(state, kind, chunks->count, &chunk);

	return r < 0 ? r : append(chunks, &chunk);
}

int fold_state_begin(struct fold_state *state, struct places *places, uint64_t ring_bytes)
{
	struct fold_chunk journal;
	uint32_t first;
	int r;

	memset(state, 0, sizeof(*state));
	state->places = places;
	state->chunk_bytes = places->file->header->chunk_bytes;
	state->file_header_bytes = places->file->header->header_bytes;
	r = places_add(places, 1 + JOURNAL_CHUNKS, &first);
	if (r < 0)
		return r;
	if (first != 0)
		return -EBADMSG;
	state->root_chunk =
		(struct fold_chunk){.address = places_address(places, 0), .place = 0};
	journal = (struct fold_chunk){.address = places_address(places, 1), .place = 1};
	state->journal = journal.address + MFT_RING_CONTENTS;
	state->journal_room = (uint64_t)JOURNAL_CHUNKS * state->chunk_bytes -
			      MFT_RING_CONTENTS - fold_state_entry_bytes(COUNTS_BYTES) -
			      fold_state_entry_bytes(PIECES_BYTES);
	state->root = (struct mft_ring_root *)(void *)(state->root_chunk.address +
						       MFT_RING_CONTENTS);
	state->root->version = MFT_RING_VERSION;
	state->root->journal_chunks = JOURNAL_CHUNKS;
	state->root->ring_bytes = ring_bytes;
	fill_header(&journal, MFT_RING_JOURNAL, 0);
	fill_header(&state->root_chunk, MFT_RING_ROOT, 0);
	/* Space for a chunk of each kind: the first step must not want for it. */
	return lay_in_places(state);
}

void fold_state_done(struct fold_state *state)
{
	struct fold_chunks *all[] = {&state->facts, &state->nodes,   &state->granules,
				     &state->sites, &state->streams, &state->spare,
				     &state->spent};

	for (unsigned i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		forget(all[i]);
	memset(state, 0, sizeof(*state));
}
