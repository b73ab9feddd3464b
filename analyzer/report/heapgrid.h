/* SPDX-License-Identifier: MIT */
/*
 * heapgrid.h - the resident pages of the heap laid out in rows, to be drawn.
 *
 * Pages come in order of address, each heap on rows of its own, and mappings of blocks too;
 * pages that are not resident are left out. Where there are too many, a cell stands for
 * several pages and has their mean.
 * Threads: none. Memory: heapgrid_done; a byte a cell.
 * Not here: drawing (text_heapmap.c, picture.h).
 */
#ifndef HEAPGRID_H
#define HEAPGRID_H

#include <stddef.h>
#include <stdint.h>

#include "profile.h"

#define HEAPGRID_NOTHING 255u /* a cell without a page */
#define HEAPGRID_FULL 10u     /* cells are as in profile_snapshot.page_occupancy */

struct heapgrid_row {
	uint64_t address; /* of its first page */
	enum profile_region_kind kind;
	bool region_begins;
};

struct heapgrid {
	unsigned columns;
	uint64_t pages_per_cell; /* a power of two */
	size_t rows_count;
	struct heapgrid_row *rows;
	uint8_t *cells; /* rows_count times columns */
};

/* Lays out the pages in so many columns and, if a cell may stand for several pages, at most
 * rows_most rows more than there are heaps. Returns 0 or -ENOMEM. */
int heapgrid_init(struct heapgrid *grid, const struct profile_depth *depth,
		  unsigned columns, size_t rows_most);
void heapgrid_done(struct heapgrid *grid);

#endif
