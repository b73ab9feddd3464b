/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <stdio.h>

#include "figure.h"
#include "heapgrid.h"
#include "profile.h"
#include "terminal.h"
#include "text_frag.h"
#include "text_process.h"

#define MARGIN_COLUMNS 17 /* address */
#define ROWS_MOST 32

/* By class of occupancy; an empty page must not look like a full one without colours. */
static const char *const signs[] = {"·", "▁", "▁", "▂", "▂", "▃", "▄", "▅", "▆", "▇", "█"};

/* Red where nothing lives, over yellow to green (ECMA-48 SGR 38;5). */
static const unsigned char colours[] = {160, 202, 208, 214, 220, 226,
					190, 154, 118, 82,  46};

static const char *kind_name(enum profile_region_kind kind)
{
	switch (kind) {
	case PROFILE_REGION_BRK:
		return "brk heap";
	case PROFILE_REGION_ARENA:
		return "arena's heap";
	case PROFILE_REGION_MAPPED:
		return "mappings";
	case PROFILE_REGION_THREAD_STACK:
	case PROFILE_REGION_OTHER:
		break;
	}
	return "other";
}

static void print_row(const struct terminal *terminal, const struct heapgrid *grid,
		      size_t row)
{
	const uint8_t *cells = grid->cells + row * grid->columns;
	unsigned last = HEAPGRID_NOTHING;

	if (grid->rows[row].region_begins)
		fprintf(terminal->out, "  %s%s%s\n",
			terminal_style(terminal, TERMINAL_FAINT),
			kind_name(grid->rows[row].kind),
			terminal_style(terminal, TERMINAL_PLAIN));
	fprintf(terminal->out, "  %s%14" PRIx64 "%s ",
		terminal_style(terminal, TERMINAL_FAINT), grid->rows[row].address,
		terminal_style(terminal, TERMINAL_PLAIN));
	for (unsigned c = 0; c < grid->columns && cells[c] != HEAPGRID_NOTHING; c++) {
		if (terminal->colour && cells[c] != last)
			fprintf(terminal->out, "\033[38;5;%um", colours[cells[c]]);
		last = cells[c];
		fputs(signs[cells[c]], terminal->out);
	}
	fprintf(terminal->out, "%s\n", terminal_style(terminal, TERMINAL_PLAIN));
}

void text_heapmap(const struct terminal *terminal, const struct profile *profile)
{
	const struct profile_depth *depth = profile->depth;
	struct heapgrid grid;
	unsigned columns = (terminal->width - MARGIN_COLUMNS) / 8 * 8;

	if (!depth || depth->pages_count == 0)
		return;
	text_heading(terminal, "Map of the heap's %s resident pages",
		     figure_count(depth->pages_count).text);
	if (heapgrid_init(&grid, depth, columns, ROWS_MOST) < 0) {
		fputs("  Not enough memory to draw it.\n", terminal->out);
		return;
	}
	fprintf(terminal->out, "  A sign is %s: · empty, ▁ hardly used, ▄ half, █ full.\n",
		figure_counted(grid.pages_per_cell, "page").text);
	for (size_t row = 0; row < grid.rows_count; row++)
		print_row(terminal, &grid, row);
	heapgrid_done(&grid);
}
