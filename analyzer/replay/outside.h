/* SPDX-License-Identifier: MIT */
/*
 * outside.h - what a replay makes of a snapshot that was taken from outside.
 *
 * Threads: one at a time. Memory: none.
 * Not here: the snapshot (snap.h), its records (records.h).
 */
#ifndef OUTSIDE_H
#define OUTSIDE_H

#include <stddef.h>
#include <stdint.h>

struct pointers;
struct profile;
struct profile_module;
struct snap;

/* The last clock that counts: a snapshot without cuts is of an instant. snap NULL: all do.
 */
uint64_t outside_last_clock(const struct snap *snap);

/* Notes in a profile up to where its dump is replayed. Returns 0 or -ENOMEM. */
int outside_note(const struct snap *snap, struct profile *profile);

/* The clock of a snapshot's own records, behind a dump that ended at `clock`. */
uint64_t outside_clock(const struct snap *snap, uint64_t clock);

/* Gives the roots of a scan their modules: who looks from outside does not know the dump's
 * numbers. */
void outside_name_modules(struct pointers *scan, const struct profile_module *modules,
			  size_t count, uint32_t page_bytes);

#endif
