/* SPDX-License-Identifier: MIT */
/*
 * occupancy.h - how full the resident pages are, from cells: the figures of every snapshot.
 *
 * Takes runs of resident pages in order of address; occupancy_end then sweeps over the
 * groups of cells. What is counted of a page stays counted from one snapshot to the next,
 * so a sweep looks at the pages on which something changed, and of the rest at the groups
 * and, in those with a change, the strips.
 * Guarantees: exact to the byte; time follows groups, changes and runs, neither blocks nor
 * pages (a block of a gigabyte costs what a small one does); overlapping blocks (a damaged
 * dump) count once.
 * Threads: one at a time. Memory: 8 bytes a site and 24 a run, kept for the next snapshot.
 * Not here: whose pages these are (regions.h), what needs every block (depth.h).
 */
#ifndef OCCUPANCY_H
#define OCCUPANCY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cells.h"
#include "sweep.h"

struct occupancy {
	/* After occupancy_end: of all runs, and pinned bytes by site, shared ones in even
	 * parts; sites_count. */
	struct page_sums sums;
	uint64_t longest_free;
	double *pins;
	size_t sites_count;

	/* The sweep's own. */
	struct sweep sweep;
	struct occupancy_run {
		uint64_t start, end;
		bool region_begins;
	} * runs;
	size_t runs_count, runs_room;
	size_t sites_room;
	uint64_t serial; /* of the snapshot */
	bool region_begins;
	uint64_t at;	   /* what lies before is done */
	uint64_t free_run; /* that ends there */
};

/* All zeros is an occupancy that owns nothing; occupancy_done leaves it so. */
void occupancy_done(struct occupancy *occupancy);

/* Starts a snapshot. cells must be fresh and, like blocks, stay as they are until
 * occupancy_end, which must be called; what is counted of them is this sweep's to change.
 * with_headers: the blocks are glibc's. Returns 0 or -ENOMEM. */
int occupancy_begin(struct occupancy *occupancy, bool with_headers, size_t sites_count,
		    struct cells *cells, const struct blocks *blocks);

/* A free run does not reach from one region into the next. */
void occupancy_begin_region(struct occupancy *occupancy);

/* Takes the resident pages [start, end), multiples of the cells' page size and behind those
 * of the call before. Returns 0 or -ENOMEM. */
int occupancy_add_run(struct occupancy *occupancy, uint64_t start, uint64_t end);

/* There are no more runs: completes sums and pins. */
void occupancy_end(struct occupancy *occupancy);

#endif
