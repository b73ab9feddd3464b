/* SPDX-License-Identifier: MIT */
/*
 * fold_stream.h - a stream as the fold reads it: which of its records may be folded by now,
 * and which is the next.
 *
 * A stream's owner writes on while it is read. What may be folded is bounded by a *cut*:
 * for each stream a place up to which it is read, and one clock for all of them. Records
 * are folded if they lie before the place and are not later than the clock. The cut is such
 * that no record in it has to come behind one that is not: all streams' ends are noted,
 * then looked at again. What a stream has committed in between, is not earlier than its
 * clock was when its end was noted; and what was not committed even then cannot have come
 * before anything noted at first. So the cut's clock is the earliest of the clocks of those
 * streams that went on. Threads: one at a time, but for fold_stream_link. Memory: about 3
 * KiB a stream. Not here: what the records mean (fold.h).
 */
#ifndef FOLD_STREAM_H
#define FOLD_STREAM_H

#include <stdbool.h>
#include <stdint.h>

#include "fold_stacks.h"
#include "mft_codec.h"
#include "mft_ring.h"
#include "places.h"

#define FOLD_STREAM_BATCH 48u

/* A record that was read ahead: an acquisition or a release as it is; of others only where
 * they stand. */
struct fold_ahead {
	uint64_t clock;
	uint64_t address;
	uint64_t size;
	uint64_t usable;
	const uint8_t *start; /* others: where they stand, `size` bytes */
	uint32_t stack;
	uint32_t end;	/* where the next one begins, in the chunk */
	uint32_t place; /* END: of the chunk */
	uint8_t op;	/* without MFT_OP_USABLE; MFT_OP_END: the chunk is read whole */
};

/* Whether the record is here as a whole. */
static inline bool fold_ahead_is_event(const struct fold_ahead *ahead)
{
	return ahead->op < MFT_OP_REACQUIRE && ahead->op != MFT_OP_END;
}

struct fold_stream {
	/* What its owner says. */
	const struct mft_encoder *encoder;
	uint32_t number;
	bool is_nested;
	uint32_t first_place; /* atomic; the chunk it began with */
	uint32_t last_place;  /* atomic; the chunk it writes */

	/* The cut. */
	uint32_t cut_place;	/* the last chunk to be read */
	const uint8_t *cut_end; /* where in it; NULL: nothing of it */
	const uint8_t *cut_pos; /* what was noted of the owner */
	uint64_t cut_clock;

	/* Reading. */
	uint32_t place; /* of the chunk at hand; PLACES_NONE: not begun */
	bool is_open;	/* the decoder is in the chunk */
	bool is_short;	/* of the cut not all could be seen */
	struct mft_decoder decoder;
	struct fold_ahead ahead[FOLD_STREAM_BATCH];
	uint32_t taken, filled;

	/* What is folded. */
	struct mft_ring_stream folded; /* as it will be in the state */
	uint32_t index;		       /* there, plus 1; 0: it is not there yet */
	bool is_dirty;		       /* it is to be written there */
	struct fold_nodemap nodes;
	struct fold_stream *next_dirty;
};

/* The owner's: the stream goes on in another chunk, whose header is written. */
void fold_stream_link(struct fold_stream *stream, struct places *places, uint32_t place);

/* Cuts the streams in an array up to `end`, with gaps. *all_begun counts the streams that
 * come to be, and was `begun` before `end` was read. Returns the cut's clock. */
uint64_t fold_stream_cut(struct fold_stream **streams, uint32_t end,
			 const struct places *places, const uint32_t *all_begun,
			 uint32_t begun);

/* Reads ahead, when all that was is taken. Returns whether there is a record in the cut:
 * ahead[taken]. */
bool fold_stream_fill(struct fold_stream *stream, const struct places *places);

/* Decodes a record that is not here as a whole. Returns false where it makes no sense. */
bool fold_ahead_decode(const struct fold_ahead *ahead, struct mft_record *ret_record);

/* The opcode of the next acquisition, release or REACQUIRE behind one of those read ahead,
 * or MFT_OP_END: the cut has none. */
uint8_t fold_stream_peek(const struct fold_stream *stream, const struct fold_ahead *ahead,
			 const struct places *places);

#endif
