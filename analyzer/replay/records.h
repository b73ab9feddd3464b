/* SPDX-License-Identifier: MIT */
/*
 * records.h - what each record of a dump does to the state of a replay.
 *
 * Guarantees: a record that makes no sense changes nothing, and is noted as damage in the
 * reader; the replay goes on behind it where that is possible.
 * Threads: one at a time. Memory: the state's, which replay.c begins and ends.
 * Not here: in which order records come, and what is made of the state (replay.c).
 */
#ifndef RECORDS_H
#define RECORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "breaks.h"
#include "heap.h"
#include "merge.h"
#include "model.h"
#include "modulemap.h"
#include "scanrecords.h"
#include "series.h"
#include "stacks.h"

struct leaks_wish;
struct pointers;
struct profile;
struct reader;
struct snap;
struct snapshot;

/* What the records of a stream go by, and leave behind. */
struct replay_stream {
	struct stack_nodes nodes;
	struct model_thread thread;
	struct snapshot *snapshot; /* NULL until the stream's first */
	struct scanrecords scan;
	bool resumed; /* its first records may be the rest of a snapshot or of a scan */
};

struct replay {
	struct profile *profile;
	struct reader *reader;
	struct merge merge;
	struct modulemap modules;
	struct stacks stacks;
	struct model model;
	struct heap heap;
	const struct leaks_wish *leaks_wish;
	const struct snap *snap; /* NULL: none */
	struct replay_stream *snap_stream;
	struct series series;
	struct breaks breaks;
	struct pointers *scan;	       /* the last one; NULL: there was none */
	struct replay_stream *streams; /* as the reader's */
	uint64_t last_clock;
};

/* Takes in the next record of a stream, which is *from->record. Returns 0, -ENOMEM, or what
 * pread says. */
int records_take(struct replay *replay, struct merge_stream *from,
		 struct replay_stream *stream);

/* Where the replay of a stream, number `index`, begins between the halves of a realloc:
 * books it as a free if there is no second half. Returns 0, -ENOMEM, or what pread says. */
int records_await_half(struct replay *replay, size_t index);

/* Takes in a record that was made from outside (snap.h): of a snapshot or of a scan; others
 * mean nothing. Returns 0, -EBADMSG or -ENOMEM. */
int records_take_outside(struct replay *replay, const struct mft_record *record,
			 struct replay_stream *stream);

/* Frees what a stream's records left; the stream's own memory is the caller's. */
void records_stream_done(struct replay_stream *stream);
/* Frees a scan; NULL is fine. */
void records_free_scan(struct pointers *scan);

#endif
