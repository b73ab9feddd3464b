/* SPDX-License-Identifier: MIT */
/*
 * pagesums.h - sums over pages: how full they are, and what lies on them.
 *
 * What was put on for a page can be taken off again.
 * Threads: one at a time. Memory: none.
 */
#ifndef PAGESUMS_H
#define PAGESUMS_H

#include <stdint.h>

/* Bytes. */
struct page_sums {
	uint64_t pages[11]; /* number by share covered: 0, (0,10], ... (90,100] percent */
	uint64_t covered;
	uint64_t asked;		 /* of these, asked for by the program */
	uint64_t headers;	 /* glibc's, between blocks */
	uint64_t pinned;	 /* free, on pages with a block; headers included */
	uint64_t pinned_headers; /* of these, headers */
	uint64_t empty;		 /* on pages without a block; headers included */
	uint64_t empty_headers;
};

/* Adds `times` pages of one kind, or takes -times off. Of the headers only those that are
 * on free bytes are given. */
static inline void page_sums_add(struct page_sums *sums, int64_t times, unsigned page_shift,
				 uint32_t covered, uint32_t asked, uint32_t headers)
{
	const uint64_t page_bytes = 1ull << page_shift, n = (uint64_t)times;

	sums->pages[((uint64_t)covered * 10 + page_bytes - 1) >> page_shift] += n;
	sums->covered += n * covered;
	sums->asked += n * asked;
	sums->headers += n * headers;
	if (covered) {
		sums->pinned += n * (page_bytes - covered);
		sums->pinned_headers += n * headers;
	} else {
		sums->empty += n * page_bytes;
		sums->empty_headers += n * headers;
	}
}

/* Adds one kind of sums to another. */
static inline void page_sums_join(struct page_sums *sums, const struct page_sums *more)
{
	for (unsigned i = 0; i < 11; i++)
		sums->pages[i] += more->pages[i];
	sums->covered += more->covered;
	sums->asked += more->asked;
	sums->headers += more->headers;
	sums->pinned += more->pinned;
	sums->pinned_headers += more->pinned_headers;
	sums->empty += more->empty;
	sums->empty_headers += more->empty_headers;
}

#endif
