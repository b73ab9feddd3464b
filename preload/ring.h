/* SPDX-License-Identifier: MIT */
/*
 * ring.h - the flight recorder: the newest events in bounded space, and what all others
 * left behind (docs/design.md, "The ring").
 *
 * Threads write chunks as always. When the ring has as many as it may, a thread that needs
 * another one first folds about a chunk's worth of the oldest events into the state
 * (fold.h), whereby places become free.
 * Guarantees: no event is lost for want of a place as long as the file can grow: where the
 * oldest events cannot be folded in time, the ring becomes bigger for a while. One thread
 * folds at a time, with all signals kept away; the others wait for it a bounded time.
 * Handlers that interrupted the recorder, and processes that share its memory, neither fold
 * nor wait.
 * Threads: any, but for ring_begin and ring_forget.
 * Memory: the ring's places stay mapped; places.h, fold.h.
 */
#ifndef RING_H
#define RING_H

#include <stdbool.h>
#include <stdint.h>

#include "dumpfile.h"
#include "mft_codec.h"

struct fold_stream;

/* The smallest ring; less is taken for it. */
#define RING_BYTES_LEAST (4ull << 20)

extern bool ring_is_on __attribute__((visibility("hidden")));

/* Makes the ring in a new dump. Returns 0 or a negative errno; there is none then. */
int ring_begin(struct dumpfile *file, uint64_t bytes);

/* In a forked child, before anything else is let go of: lets go of the parent's ring. */
void ring_forget(void);

/* A stream whose owner writes by `encoder`. Returns NULL when memory is short. */
struct fold_stream *ring_add_stream(uint32_t number, bool is_nested,
				    const struct mft_encoder *encoder);

/* Takes a place for a chunk, zero-filled. may_fold: the caller is one of the process's own
 * threads, and interrupts nothing of the recorder. Returns 0, its number and the chunk; or
 * a negative errno: recording has stopped. */
int ring_take(bool may_fold, uint32_t *ret_place, struct mft_chunk **ret_chunk);

/* The stream goes on in this place; its chunk's header is written, and nothing more is
 * written to the chunk before. */
void ring_link(struct fold_stream *stream, uint32_t place);

/* Puts seals on the state when the process ends, with the ring held and signals kept away.
 * Without them where another thread folds and does not come to an end. */
void ring_seal(void);

/* Until ring_let_go no events are folded: what is written now has to stay, whatever it
 * takes. Pairs may be nested. */
void ring_hold(void);
void ring_let_go(void);

#endif
