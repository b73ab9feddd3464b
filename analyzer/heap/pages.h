/* SPDX-License-Identifier: MIT */
/*
 * pages.h - walks resident pages and the live blocks on them, for whoever needs every
 * block.
 *
 * Takes runs of resident pages, in order of address, and the live blocks' spans, and tells
 * listeners of each page with a border of a block on it, of the stretches of whole pages in
 * between, and of each run of free bytes.
 * Guarantees: every byte of every run is told of exactly once; time follows blocks and
 * runs, not pages; overlapping spans (a damaged dump) count once.
 * Threads: one at a time. Memory: none.
 * Not here: the figures that every snapshot needs, which must be had for less
 * (occupancy.h).
 */
#ifndef PAGES_H
#define PAGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "spans.h"

/* Whole pages, [start, end). Spans [first, last) have bytes here, but for those of them
 * that another one hides or that are empty (pages_span_bytes tells). */
struct pages_part {
	uint64_t start, end;
	uint64_t covered_bytes; /* of one page; where there are several: of all, or 0 */
	size_t first, last;
};

struct pages_listener {
	void *context;
	/* One page, or several that are all free or all of one block; NULL: not wanted. */
	void (*part)(void *context, const struct pages_part *part);
	/* Free bytes without a gap in resident memory; NULL: not wanted. */
	void (*free_run)(void *context, uint64_t bytes);
};

struct pages {
	uint32_t page_bytes;
	const struct spans *spans;
	const struct pages_listener *listeners;
	size_t listeners_count;

	/* The walk's own. */
	size_t next_span;
	uint64_t last_end; /* of the run before */
	uint64_t free_run;
	uint64_t page_covered;
	size_t page_first, page_last; /* spans on the page at hand */
};

/* Starts before the first run. Everything must outlive the walk. */
void pages_init(struct pages *pages, uint32_t page_bytes, const struct spans *spans,
		const struct pages_listener *listeners, size_t count);

/* A free run does not reach from one region into the next; tells of the last one. Also to
 * be called at the end. */
void pages_begin_region(struct pages *pages);

/* Takes the resident pages [start, end), both multiples of page_bytes and behind those of
 * the call before. */
void pages_add_run(struct pages *pages, uint64_t start, uint64_t end);

/* Bytes of a span within [start, end). */
static inline uint64_t pages_span_bytes(const struct span *span, uint64_t start,
					uint64_t end)
{
	uint64_t from = span->start > start ? span->start : start;
	uint64_t to = span->end < end ? span->end : end;

	return from < to ? to - from : 0;
}

/* The class of a page in profile_snapshot.page_occupancy. */
static inline unsigned pages_class(uint64_t covered_bytes, uint64_t page_bytes)
{
	return (unsigned)((covered_bytes * 10 + page_bytes - 1) / page_bytes);
}

#endif
