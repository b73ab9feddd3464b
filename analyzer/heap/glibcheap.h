/* SPDX-License-Identifier: MIT */
/*
 * glibcheap.h - what keeps one of glibc's heaps from shrinking, and what trimming it would
 * return.
 *
 * A chunk begins 16 bytes before its block and ends 8 bytes before the block's usable end
 * (glibc 2.36, malloc.c, "malloc_chunk details"). Free chunks between two live blocks are
 * taken as one, as malloc_trim makes them by malloc_consolidate.
 * malloc_trim(0) returns the whole pages inside each free chunk, but those that hold the
 * chunk's own first 48 bytes (mtrim), and of the main arena's top all pages but the one
 * that it begins on (systrim). It leaves the top of other arenas alone: that of an arena's
 * heap returns when a free makes it large (heap_trim).
 * Not seen here: freed blocks that a thread keeps in its cache (at most 7 of a size), the
 * allocator's own tables, and blocks from before the recording. They count as free, and
 * can hold pages that are predicted to return.
 * Threads: one at a time. Memory: none that stays.
 */
#ifndef GLIBCHEAP_H
#define GLIBCHEAP_H

#include <stdint.h>

#include "profile.h"

struct cells;
struct region;
struct snapshot;
struct spans;

/* What there is to know for all heaps of a snapshot. */
struct glibcheap_view {
	const struct snapshot *snapshot;
	const struct spans *spans;
	const struct cells *cells; /* fresh */
	uint32_t page_bytes;
	uint64_t clock, unit_ns; /* of the snapshot */
};

/* Looks at a region that is a heap (brk or arena). empty_bytes stays 0. Returns 0 or
 * -ENOMEM. */
int glibcheap_look(const struct glibcheap_view *view, const struct region *region,
		   struct profile_heap *ret_heap);

#endif
