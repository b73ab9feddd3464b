/* SPDX-License-Identifier: MIT */
/*
 * occupancy.h - how full the resident pages are, from cells: the figures of every snapshot.
 *
 * Takes runs of resident pages in order of address and adds up what lives on them.
 * Guarantees: exact to the byte; time follows cells and runs, neither blocks nor pages (a
 * block of a gigabyte costs what a small one does); overlapping blocks (a damaged dump)
 * count once. What sites pin is carried over from one snapshot to the next for pages that
 * did not change, as long as pages are as large as cells; they then cost a look at a
 * cell_digest each.
 * Threads: one at a time. Memory: 16 bytes a site, kept for the next snapshot.
 * Not here: whose pages these are (regions.h), what needs every block (depth.h).
 */
#ifndef OCCUPANCY_H
#define OCCUPANCY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cells.h"

/* What was found on the pages taken in so far, in bytes. */
struct occupancy_sums {
	uint64_t pages[11]; /* number by share covered: 0, (0,10], ... (90,100] percent */
	uint64_t covered;
	uint64_t asked;		 /* of these, asked for by the program */
	uint64_t headers;	 /* glibc's, between blocks */
	uint64_t pinned;	 /* free, on pages with a block; headers included */
	uint64_t pinned_headers; /* of these, headers */
	uint64_t empty;		 /* on pages without a block; headers included */
	uint64_t empty_headers;
	uint64_t longest_free;
};

struct occupancy {
	struct occupancy_sums sums;
	/* After occupancy_end: pinned bytes by site, shared ones in even parts;
	 * sites_count.
	 */
	double *pins;
	size_t sites_count;

	/* The sweep's own. */
	uint32_t page_bytes; /* a power of two */
	unsigned page_shift;
	bool with_headers;
	struct cells *cells;
	const struct blocks *blocks;
	size_t place;
	uint64_t last_end; /* of the run before */
	/* The block that reaches furthest of all that begin before here. */
	uint64_t reach, asked_reach;
	uint32_t reach_site;
	uint64_t free_run;
	uint64_t page_covered, page_headers;
	bool last_page_empty; /* of the page closed last */
	uint64_t last_page_free;
	uint32_t *page_sites; /* those with a block on the page at hand */
	size_t page_sites_count, page_sites_room;
	uint64_t serial;     /* of the page at hand, over all snapshots */
	uint64_t *site_seen; /* by site: serial of the last page */
	size_t sites_room;
};

/* All zeros is an occupancy that owns nothing; occupancy_done leaves it so. */
void occupancy_done(struct occupancy *occupancy);

/* Starts a snapshot: sums and pins are zero. cells must be fresh and, like blocks, stay as
 * they are until occupancy_end, which must be called; what the cells have pinned is this
 * sweep's to change. with_headers: the blocks are glibc's. Returns 0 or -ENOMEM. */
int occupancy_begin(struct occupancy *occupancy, uint32_t page_bytes, bool with_headers,
		    size_t sites_count, struct cells *cells, const struct blocks *blocks);

/* A free run does not reach from one region into the next. */
void occupancy_begin_region(struct occupancy *occupancy);

/* Takes the resident pages [start, end), multiples of page_bytes and behind those of the
 * call before. Returns 0 or -ENOMEM. */
int occupancy_add_run(struct occupancy *occupancy, uint64_t start, uint64_t end);

/* There are no more runs: completes pins. */
void occupancy_end(struct occupancy *occupancy);

#endif
