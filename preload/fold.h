/* SPDX-License-Identifier: MIT */
/*
 * fold.h - takes the oldest events of a ring dump into the state that it holds.
 *
 * All streams are merged by (clock, number), each in its own order, as the analyzer does;
 * what the events mean is what the analyzer's replay takes them for
 * (analyzer/model/model.h), which goes on from the state. Only the arithmetic is here
 * twice; a test holds both against each other. Guarantees: a step of the fold is whole in
 * the file, or not there (fold_state.h). If memory or space is short in the midst of one,
 * it is never ended, and the fold is of no more use: the state stays what it was, and no
 * chunk that it lacks is used anew. Threads: one at a time (ring.h has the lock), but for
 * fold_add_stream. The caller keeps signals away: a handler that leaves by longjmp must not
 * leave a step half done. Memory: proportional to stacks and streams, 24 bytes for each
 * 1,000 live blocks. Not here: when to fold, and how much (ring.h).
 */
#ifndef FOLD_H
#define FOLD_H

#include <stdbool.h>
#include <stdint.h>

#include "fold_blocks.h"
#include "fold_ledger.h"
#include "fold_modules.h"
#include "fold_stacks.h"
#include "fold_state.h"
#include "fold_stream.h"

#define FOLD_STREAMS_MOST (1u << 16)
#define FOLD_THREADS_TOLD 4096u /* whose records stay in the facts */

struct fold {
	struct places *places;
	struct fold_state state;
	struct fold_blocks blocks;
	struct fold_ledger ledger;
	struct fold_stacks stacks;
	struct fold_modules modules;

	struct fold_stream **streams; /* by number; atomic; NULL: none yet */
	uint32_t streams_end;	      /* atomic; beyond all numbers */
	uint32_t streams_begun;	      /* atomic; counts them */

	uint64_t cut_clock;
	struct fold_turn {
		uint64_t clock;
		struct fold_stream *stream;
	} * turns; /* a heap: streams with records in the cut */
	uint32_t turns_count;

	struct fold_stream *dirty; /* that the step has read from */
	uint32_t dirty_count;
	uint64_t bytes;	   /* of records, in the step */
	uint32_t *emptied; /* places whose chunks the step has folded whole */
	uint32_t emptied_count, emptied_room;
};

/* For a dump without any place yet. Returns 0 or a negative errno. */
int fold_begin(struct fold *fold, struct places *places, uint64_t ring_bytes);

/* Frees what is in memory. Also of one that is all zeros. */
void fold_done(struct fold *fold);

/* A stream whose owner writes by `encoder`. Any thread; a number comes once. Returns NULL
 * when memory is short. */
struct fold_stream *fold_add_stream(struct fold *fold, uint32_t number, bool is_nested,
				    const struct mft_encoder *encoder);

/* Folds about so many bytes of records, if that many may be, in one step or several. The
 * chunks that are folded whole then become free places. Sets *ret_bytes to how many were.
 * Returns 0 or a negative errno: the fold has come to its end. */
int fold_run(struct fold *fold, uint64_t bytes, uint64_t *ret_bytes);

/* Puts seals on the state, which hold until more is folded. */
void fold_seal(struct fold *fold);

#endif
