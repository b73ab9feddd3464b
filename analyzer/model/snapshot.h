/* SPDX-License-Identifier: MIT */
/*
 * snapshot.h - one snapshot of the process's mappings while its records come in.
 *
 * Guarantees: mappings are sorted by address, aligned to pages and do not overlap; parts of
 * one mapping are joined. Resident pages are kept as runs. Of mappings that cannot hold an
 * allocator's memory (all but brk and private anonymous ones) only the sums are kept.
 * Threads: one at a time. Memory: proportional to the snapshot's records, used again for
 * the next one; snapshot_done frees it.
 * Not here: what the pages hold (heap.h).
 */
#ifndef SNAPSHOT_H
#define SNAPSHOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mft_codec.h"

#define SNAPSHOT_KINDS (MFT_MAP_OWN_FILE + 1)

/* Resident pages, [start, end) in addresses. */
struct snapshot_run {
	uint64_t start, end;
};

struct snapshot_mapping {
	uint64_t start, end;
	uint32_t kind; /* enum mft_map_kind */
	/* Resident bytes of which it is not known where they are. */
	uint64_t unplaced_bytes;
	size_t first_run, runs;
};

struct snapshot {
	bool open; /* between SNAPSHOT and SNAPSHOT_END */
	struct mft_snapshot head;
	struct snapshot_mapping *mappings;
	size_t mappings_count, mappings_room;
	struct snapshot_run *runs;
	size_t runs_count, runs_room;
	/* Resident bytes of the mappings that are not listed above, by kind. */
	uint64_t other_bytes[SNAPSHOT_KINDS];
	int32_t *threads; /* ids of those that lived, in order */
	size_t threads_count, threads_room;
	bool threads_known;
};

/* An empty snapshot is all zeros. */
void snapshot_done(struct snapshot *snapshot);

/* Begins a snapshot with the payload of a SNAPSHOT record; one that was open is dropped.
 * Returns 0 or -EBADMSG. */
int snapshot_begin(struct snapshot *snapshot, struct mft_bytes payload);

/* Takes in a SNAPSHOT_MAP record's payload. Returns 0; -EBADMSG: it makes no sense (the
 * snapshot is then dropped), or no snapshot is open; -ENOMEM. */
int snapshot_add(struct snapshot *snapshot, uint32_t page_bytes, struct mft_bytes payload);

/* Takes in a SNAPSHOT_THREADS record's payload. Returns as snapshot_add does. */
int snapshot_add_threads(struct snapshot *snapshot, struct mft_bytes payload);

/* Closes a snapshot whose end has come. Returns whether it is one to go by. */
bool snapshot_end(struct snapshot *snapshot);

/* Whether a thread lived; only where threads_known. */
bool snapshot_has_thread(const struct snapshot *snapshot, int32_t tid);

#endif
