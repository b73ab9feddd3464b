/* SPDX-License-Identifier: MIT */
/*
 * pause.h - a recording that was paused from outside, by a word in the dump's header.
 *
 * While it is paused releases are recorded as ever, so that what was recorded before stays
 * true to the last block; acquisitions, and failed ones, are only counted. The word is
 * looked at once a tick of the coarse clock in a thread that records, which costs the other
 * events nothing, and at every event while the recording is paused.
 * Guarantees: the count is exact; no system call, no lock.
 * Threads: any. Memory: none.
 * Not here: who sets the word (mftrace pause, resume).
 */
#ifndef PAUSE_H
#define PAUSE_H

#include <stdbool.h>

#include "process.h"

/* The slow half of pause_look. */
void pause_follow(void);

/* Pauses or resumes where the header says so. There must be a dump. */
static inline void pause_look(void)
{
	const struct mft_header *header = process.dump.header;

	/* Partner: mftrace, which writes the word into the file. */
	if (__builtin_expect(
		    __atomic_load_n(&header->control, __ATOMIC_RELAXED) !=
			    __atomic_load_n(&header->control_seen, __ATOMIC_RELAXED),
		    0))
		pause_follow();
}

/* Counts an acquisition that is not recorded for it. */
void pause_count(void);

#endif
