/* SPDX-License-Identifier: MIT */
/*
 * ringwindow.h - which of a ring dump's events are still to be replayed.
 *
 * Chunks stay in the file for a while after they were folded (mft_ring.h).
 * Threads: one at a time. Memory: none.
 */
#ifndef RINGWINDOW_H
#define RINGWINDOW_H

#include <stdbool.h>
#include <stddef.h>

struct mft_snap_cut;
struct reader;
struct ring;

/* Takes the chunks that are folded whole out of the reader's, and their counts out of its
 * sums: the state has them. Returns 0, or what pread says. */
int ringwindow_drop_folded(struct reader *reader);

/* Whether no event is folded that came behind the cuts, which name the last chunk of each
 * stream at an instant, and how much of it there was. */
bool ringwindow_has(const struct ring *ring, const struct mft_snap_cut *cuts, size_t count);

#endif
