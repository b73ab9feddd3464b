/* SPDX-License-Identifier: MIT */
/*
 * fold_facts.h - what a ring dump keeps of records that are about no block: who the process
 * and its threads are, what was loaded, what the program mapped itself.
 *
 * Threads: as fold.h.
 */
#ifndef FOLD_FACTS_H
#define FOLD_FACTS_H

#include <stdint.h>

struct fold;
struct fold_state;
struct fold_stream;
struct mft_record;

/* Makes room for a record of so many bytes behind those that there are: in which of the
 * chunks of facts, and where. It is to be filled at once. Returns 0 or a negative errno. */
int fold_facts_room(struct fold_state *state, uint32_t bytes, uint32_t *ret_chunk,
		    uint32_t *ret_offset);

/* Keeps a long record as it stands. Returns 0 or a negative errno. */
int fold_facts_keep(struct fold_state *state, const struct mft_record *record);

/* A THREAD record: from here on the stream is another thread's. The first
 * FOLD_THREADS_TOLD are kept, all are counted. Returns 0 or a negative errno. */
int fold_facts_thread(struct fold *fold, struct fold_stream *from,
		      const struct mft_record *record);

/* A call of the mmap family. */
void fold_facts_mapping(struct fold *fold, const struct mft_record *record);

#endif
