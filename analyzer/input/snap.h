/* SPDX-License-Identifier: MIT */
/*
 * snap.h - what was seen of a process from outside at an instant, beside its dump.
 *
 * Read from the file that `mftrace snapshot` writes, or made of a core file
 * (corefile.h).
 * Guarantees: a file's sizes are checked before use, its records when they are replayed.
 * Threads: one at a time. Memory: the file's; snap_free.
 * Not here: what the records mean (docs/format.md), writing them (snapwriter.h).
 */
#ifndef SNAP_H
#define SNAP_H

#include <stdint.h>

#include "mft_format.h"

struct complaint;

/* In header.clock, where the dump is to be replayed to its end. */
#define SNAP_CLOCK_END UINT64_MAX

struct snap {
	struct mft_snap_header header;
	/* Where each stream ended. Without cuts all that is not later than header.clock
	 * counts. */
	struct mft_snap_cut *cuts;
	uint8_t *records; /* header.records_bytes */
};

/* Whether the file begins as a snapshot does. */
int snap_is(const char *path);

/* Finds the dump that a snapshot file belongs to, in its folder: by its name without
 * ".snap", else by its id. The caller frees *ret_path. Returns 0,
 * -ENOENT (*complaint), or -ENOMEM. */
int snap_find_dump(const char *snap_path, const struct snap *snap, char **ret_path,
		   struct complaint *complaint);

/* Reads a snapshot. Returns 0, or a negative errno with *complaint: -EBADMSG (no snapshot,
 * or damaged), -EPROTONOSUPPORT, -ENOMEM, or what open and read say. */
int snap_read(const char *path, struct snap **ret_snap, struct complaint *complaint);
void snap_free(struct snap *snap);

#endif
