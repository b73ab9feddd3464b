/* SPDX-License-Identifier: MIT */
#include "heapgrid.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* The cell at hand while pages are laid out. */
struct pen {
	struct heapgrid *grid; /* its arrays are NULL while rows are only counted */
	unsigned column;       /* of the next cell; grid->columns: the next row begins */
	uint64_t pages, sum;   /* in the cell at hand */
	const struct profile_stretch *stretch;
	uint64_t address; /* of the cell's first page */
	bool region_begins;
};

/* Where anything lives, that shows. */
static uint8_t mean(const struct pen *pen)
{
	uint64_t rounded = (pen->sum + pen->pages / 2) / pen->pages;

	return (uint8_t)(rounded == 0 && pen->sum > 0 ? 1 : rounded);
}

static void end_cell(struct pen *pen)
{
	struct heapgrid *grid = pen->grid;

	if (pen->pages == 0)
		return;
	if (pen->column == grid->columns) {
		if (grid->rows)
			grid->rows[grid->rows_count] = (struct heapgrid_row){
				pen->address, pen->stretch->kind, pen->region_begins};
		grid->rows_count++;
		pen->region_begins = false;
		pen->column = 0;
	}
	if (grid->cells)
		grid->cells[(grid->rows_count - 1) * grid->columns + pen->column] =
			mean(pen);
	pen->column++;
	pen->pages = pen->sum = 0;
}

/* Mappings with a block or two share rows. */
static bool begins_rows(const struct profile_depth *depth, size_t s)
{
	const struct profile_stretch *stretch = &depth->stretches[s];

	return stretch->region_begins &&
	       (s == 0 || stretch->kind != PROFILE_REGION_MAPPED ||
		depth->stretches[s - 1].kind != PROFILE_REGION_MAPPED);
}

static void lay_out(struct heapgrid *grid, const struct profile_depth *depth)
{
	struct pen pen = {.grid = grid, .column = grid->columns};

	grid->rows_count = 0;
	for (size_t s = 0; s < depth->stretches_count; s++) {
		const struct profile_stretch *stretch = &depth->stretches[s];

		if (begins_rows(depth, s)) {
			end_cell(&pen);
			pen.column = grid->columns;
			pen.region_begins = true;
		}
		pen.stretch = stretch;
		for (uint64_t page = 0; page < stretch->pages; page++) {
			if (pen.pages == 0)
				pen.address = stretch->start + page * depth->page_bytes;
			pen.sum += depth->page_classes[stretch->first + page];
			if (++pen.pages == grid->pages_per_cell)
				end_cell(&pen);
		}
	}
	end_cell(&pen);
}

int heapgrid_init(struct heapgrid *grid, const struct profile_depth *depth,
		  unsigned columns, size_t rows_most)
{
	memset(grid, 0, sizeof(*grid));
	grid->columns = columns;
	grid->pages_per_cell = 1;
	while (depth->pages_count / grid->pages_per_cell > (uint64_t)columns * rows_most)
		grid->pages_per_cell *= 2;
	lay_out(grid, depth); /* only counts */
	grid->rows = calloc(grid->rows_count + 1, sizeof(*grid->rows));
	grid->cells = malloc(grid->rows_count * columns + 1);
	if (!grid->rows || !grid->cells) {
		heapgrid_done(grid);
		return -ENOMEM;
	}
	memset(grid->cells, HEAPGRID_NOTHING, grid->rows_count * columns);
	lay_out(grid, depth);
	return 0;
}

void heapgrid_done(struct heapgrid *grid)
{
	free(grid->rows);
	free(grid->cells);
	memset(grid, 0, sizeof(*grid));
}
