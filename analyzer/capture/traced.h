/* SPDX-License-Identifier: MIT */
/*
 * traced.h - the dump that a running process writes, and how far it has come.
 *
 * Threads: one at a time. Memory: traced_done.
 */
#ifndef TRACED_H
#define TRACED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mft_format.h"

struct complaint;
struct snap;

struct traced {
	int pid;
	char *path; /* of the dump, as this process can open it */
	uint64_t inode;
	struct mft_header header;
};

/* Finds the dump among the files that a process has mapped. Returns 0; or a negative errno
 * with *complaint: -ESRCH (no such process), -ENODATA (it is not traced), -EACCES, -ENOTSUP
 * (a 32-bit process), -ENOMEM. */
int traced_find(struct traced *traced, int pid, struct complaint *complaint);
void traced_done(struct traced *traced);

/* The end of each stream of the dump as it is now, the last chunks' bytes included, so that
 * what the process does next does not matter. stopped: it stands still. */
struct traced_ends {
	struct traced_end *items;
	size_t count;
	uint64_t clock_ns; /* CLOCK_MONOTONIC */
};
int traced_note_ends(const struct traced *traced, bool stopped, struct traced_ends *ends,
		     struct complaint *complaint);
void traced_ends_done(struct traced_ends *ends);

/* Turns ends into a snapshot's cuts, and fills in its header but for the records. Returns 0
 * or -ENOMEM. */
int traced_cut(const struct traced *traced, const struct traced_ends *ends,
	       struct snap *snap);

#endif
