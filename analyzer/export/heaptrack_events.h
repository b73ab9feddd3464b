/* SPDX-License-Identifier: MIT */
/*
 * heaptrack_events.h - the allocations and frees of a process as heaptrack's lines.
 *
 * Guarantees: who reads them finds the peak and its call sites, allocations and what is
 * left at the end as in mftrace's reports; resident memory is that of the snapshots.
 * What heaptrack calls temporary is so in mftrace too; of those that are, it misses some
 * where several threads allocate at once, since to it they are one.
 * Threads: none. Memory: four numbers for each size at each call site.
 */
#ifndef HEAPTRACK_EVENTS_H
#define HEAPTRACK_EVENTS_H

#include <stddef.h>
#include <stdio.h>

struct heaptrack_stacks;
struct report;

/* Writes all events of a member of the report's family, whose stacks have been written.
 * Returns 0; -ESTALE: the dump has changed since the report was made; -ENOMEM, or what
 * replay_dump_for says. */
int heaptrack_events_write(const struct heaptrack_stacks *stacks,
			   const struct report *report, size_t member, FILE *out);

#endif
