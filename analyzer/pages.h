/* SPDX-License-Identifier: MIT */
/*
 * pages.h - how the live blocks lie on resident pages.
 *
 * Takes runs of resident pages, in order of address, and the live blocks' spans, and adds
 * up by page: how full it is, what is free on it, whose blocks hold it.
 * Guarantees: exact to the byte; time follows blocks and runs, not pages (a block of a
 * gigabyte costs what a small one does); overlapping spans (a damaged dump) count once.
 * Threads: one at a time. Memory: pages_done frees it.
 */
#ifndef PAGES_H
#define PAGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "spans.h"

/* Free bytes on pages, by the sites whose blocks are on them; one entry a site. */
struct pages_pins {
	uint64_t *exclusive; /* all blocks of the page are the site's */
	double *shared;	     /* the site's even part */
};

struct pages {
	uint32_t page_bytes;
	struct pages_pins *pins; /* NULL: do not ask whose */

	uint64_t occupancy[11]; /* pages: 0, (0,10], ... (90,100] percent covered */
	uint64_t covered_bytes;
	uint64_t pinned_bytes;
	uint64_t largest_free_run_bytes;

	/* The sweep's own. */
	size_t next_span;
	uint64_t last_end; /* of the run before */
	uint64_t free_run;
	uint64_t page_covered;
	uint64_t page_serial;
	uint32_t *page_sites; /* those with a block on the page at hand */
	size_t page_sites_count;
	uint64_t *site_seen; /* by site: serial of the last page */
};

/* Starts before the first run. pins may be NULL; otherwise its arrays, and the spans' site
 * numbers, are for sites_count sites. Returns 0 or -ENOMEM. */
int pages_init(struct pages *pages, uint32_t page_bytes, struct pages_pins *pins,
	       size_t sites_count);
void pages_done(struct pages *pages);

/* A free run does not reach from one mapping into the next. */
void pages_begin_mapping(struct pages *pages);

/* Takes the resident pages [start, end), both multiples of page_bytes and behind those of
 * the call before. */
void pages_add_run(struct pages *pages, const struct spans *spans, uint64_t start,
		   uint64_t end);

#endif
