/* SPDX-License-Identifier: MIT */
/*
 * fold_event.h - what one record changes in the state of a ring dump.
 *
 * The counterpart of the analyzer's model.h and replay: a realloc's release half takes its
 * block out of the live ones and stays unbooked until it is known what became of it.
 * Threads: as fold.h.
 */
#ifndef FOLD_EVENT_H
#define FOLD_EVENT_H

#include <stdint.h>

struct fold;
struct fold_stream;

/* Folds the records of a stream that were read ahead, up to ahead[end]; none of them is
 * MFT_OP_END. The step has room for them. A record that makes no sense is counted. Returns
 * 0 or a negative errno: memory or space is short. */
int fold_events(struct fold *fold, struct fold_stream *stream, uint32_t end);

#endif
