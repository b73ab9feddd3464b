/* SPDX-License-Identifier: MIT */
/*
 * ringcopy.h - a ring dump as it stood at an instant, while its process goes on.
 *
 * The process folds its oldest events into the state and uses their space anew all the
 * time, so what is read later would not fit what was read before. The whole file is
 * therefore copied; the process is asked to begin no step meanwhile, where its dump may be
 * written to, and whether it did is seen by the number of the step. Guarantees: the copy is
 * consistent, as the dump of a process that was killed would be; its events end at a clock,
 * so that no event is there without those that led to it. The process never waits. Threads:
 * one at a time. Memory: the copy lies in memory, and is as large as what the file has on
 * disk; it goes with its descriptor. Not here: what a step is (mft_ring.h).
 */
#ifndef RINGCOPY_H
#define RINGCOPY_H

struct complaint;
struct reader;

/* Where the reader's dump is a ring of a process that runs: goes on with a copy of it,
 * whose header is then the reader's, and sets reader->last_clock. Otherwise changes
 * nothing. Returns 0; or a negative errno with *complaint: -EBUSY (the process was faster
 * each time), -ENOMEM, or what memfd_create, pread and pwrite say. */
int ringcopy_take(struct reader *reader, struct complaint *complaint);

#endif
