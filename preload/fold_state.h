/* SPDX-License-Identifier: MIT */
/*
 * fold_state.h - the state of a ring dump as it lies in the file: the root, the journal,
 * and the chunks of each kind (mft_ring.h).
 *
 * Guarantees: between fold_state_step and fold_state_commit nothing that meant something
 * before the step is changed without fold_state_keep; so whoever reads the file at any
 * instant can have the state before the step or, after it, that behind it. A step that
 * fails is never ended: the file then says what was before it for good. Threads: one at a
 * time (ring.h has the lock). Memory: 16 bytes for each chunk. Not here: what the chunks
 * hold.
 */
#ifndef FOLD_STATE_H
#define FOLD_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mft_ring.h"

struct places;

struct fold_chunk {
	uint8_t *address;
	uint32_t place;
	bool worn; /* of a spare one: it is to be wiped */
};

/* Chunks of one kind, by seq. */
struct fold_chunks {
	struct fold_chunk *chunks;
	uint32_t count, room;
};

struct fold_state {
	struct places *places;
	uint32_t chunk_bytes;
	uint64_t file_header_bytes;
	struct fold_chunk root_chunk;
	struct mft_ring_root *root; /* in the file */
	struct mft_ring_root now;   /* what it will say; from facts_chunks on */
	bool pieces_changed;
	bool is_sealed;	  /* the root is; other chunks may be */
	uint8_t *journal; /* its contents */
	uint64_t journal_room, journal_used;
	struct fold_chunks facts, nodes, granules, sites, streams;
	/* Places of the state's own that hold nothing; and those that still do, until the
	 * step has ended. */
	struct fold_chunks spare, spent;
};

/* Makes the root, the journal and the first chunks, of a dump that has no place yet.
 * Returns 0 or a negative errno. */
int fold_state_begin(struct fold_state *state, struct places *places, uint64_t ring_bytes);

/* Puts seals (mft_seal.h) on all chunks that count, `blocks` among them, the root's last;
 * between steps. The next step takes them away. */
void fold_state_seal(struct fold_state *state, const struct fold_chunks *blocks);

/* Frees what is in memory. */
void fold_state_done(struct fold_state *state);

void fold_state_step(struct fold_state *state);

/* What the journal still has room for, with what the end of a step takes set aside. */
static inline uint64_t fold_state_room(const struct fold_state *state)
{
	return state->journal_room - state->journal_used;
}

/* What an entry of so many bytes takes of it. */
static inline uint64_t fold_state_entry_bytes(uint64_t bytes)
{
	return sizeof(struct mft_ring_undo) + ((bytes + 7) & ~7ull);
}

/* Notes `bytes` bytes of a chunk at p, which are about to change. There must be room.
 * Returns what was noted, which stays until the step ends. */
const void *fold_state_keep(struct fold_state *state, const struct fold_chunk *chunk,
			    const void *p, size_t bytes);

/* Ends the step: the root says what `now` does. */
void fold_state_commit(struct fold_state *state);

/* A chunk for the state, of a kind, zero-filled behind its header. Returns 0 or a negative
 * errno. The step must have room for two entries of a chunk header. */
int fold_state_take(struct fold_state *state, enum mft_ring_kind kind, uint32_t seq,
		    struct fold_chunk *ret_chunk);

/* Gives a chunk up that was there before the step, or was taken in it. Returns 0 or
 * -ENOMEM. */
int fold_state_drop(struct fold_state *state, const struct fold_chunk *chunk);

/* Adds a chunk to those of a kind. Returns 0 or a negative errno. */
int fold_state_grow(struct fold_state *state, struct fold_chunks *chunks,
		    enum mft_ring_kind kind);

/* The element of an array that fills the chunks of a kind, and its chunk. */
static inline void *fold_state_element(const struct fold_state *state,
				       const struct fold_chunks *chunks, uint32_t index,
				       uint32_t element_bytes, struct fold_chunk *ret_chunk)
{
	uint32_t in_chunk = (state->chunk_bytes - MFT_RING_CONTENTS) / element_bytes;

	*ret_chunk = chunks->chunks[index / in_chunk];
	return ret_chunk->address + MFT_RING_CONTENTS +
	       (size_t)(index % in_chunk) * element_bytes;
}

/* Makes an array of the recorder's own twice as big, at least `room` elements. Returns 0 or
 * -ENOMEM; nothing changes then. */
int fold_state_regrow(void **array, uint32_t *room, uint32_t least, size_t element_bytes);

#endif
