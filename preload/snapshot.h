/* SPDX-License-Identifier: MIT */
/*
 * snapshot.h - which pages of the heap are resident, written into the dump now and then.
 *
 * Taken at exit, when live bytes or RSS reach a new peak (at most once per 1/16 of growth),
 * and at a coarse interval; by whichever thread's event comes then, never by a thread of
 * our own. Together they cost at most a twentieth of the run time, but for exit's and the
 * one that a peak of live bytes gets when they begin to fall from it.
 * Guarantees: one at a time, nobody waits; no allocation; a descriptor is open only while
 * one is taken. Live bytes here are usable bytes, summed over recorders without stopping
 * them; the exact figures are the analyzer's.
 * Not here: the pages of one mapping (pageruns.h).
 * Source: Linux, proc(5).
 */
#ifndef SNAPSHOT_H
#define SNAPSHOT_H

#include "mft_format.h"

struct recorder;

/* An event of this recorder reached live_check, live_floor or clock_check: takes a snapshot
 * if one is due and sets the three anew. */
void snapshot_consider(struct recorder *recorder);

/* Takes one now, unless one is under way or snapshots are switched off. */
void snapshot_take(enum mft_snapshot_reason reason);

/* In a forked child: what was due for the parent is nothing to us. */
void snapshot_forget(void);

#endif
