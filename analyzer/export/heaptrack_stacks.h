/* SPDX-License-Identifier: MIT */
/*
 * heaptrack_stacks.h - the call stacks of a process as heaptrack's strings, addresses and
 * traces.
 *
 * Frames of the allocator and the runtime are left out at the inner end, as in reports.
 * Calls that were inlined into each other are one address there, with several frames.
 * Threads: none. Memory: two numbers for each call site and node of the call tree, one
 * entry for each string and place; heaptrack_stacks_done.
 * Not here: the lines themselves (heaptrack.c tells them all).
 */
#ifndef HEAPTRACK_STACKS_H
#define HEAPTRACK_STACKS_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct report;

struct heaptrack_stacks {
	/* The number of a trace by site of the member's profile; never 0. */
	uint32_t *trace_of_site;
	size_t sites_count;
};

/* Writes the stacks of all call sites of a member of the report's family. Returns 0 or
 * -ENOMEM; heaptrack_stacks_done in any case. */
int heaptrack_stacks_write(struct heaptrack_stacks *stacks, const struct report *report,
			   size_t member, FILE *out);
void heaptrack_stacks_done(struct heaptrack_stacks *stacks);

#endif
