/* SPDX-License-Identifier: MIT */
/* What the log says is worked into the cells: cells_refresh. */
#include <errno.h>
#include <string.h>

#include "cells.h"

/* To note an event costs about half of what it costs to put a block where it belongs. */
#define PATIENCE(live) (2 * (uint64_t)(live) + 4096)
#define MOST_CHANGES(live) ((size_t)(live) + 4096)
/* Cells whose memory is fetched at once. */
#define BATCH_CELLS 32u
#define CACHE_LINE 64u
/* Of a list; no more is fetched ahead. */
#define MOST_LINES 8u

int cells_notice(struct cells *cells, const struct block *block)
{
	struct cells_group *group = cells_group_at(cells, block->address);
	const bool is_large = block->usable >= CHANGE_LARGE || block->size >= CHANGE_LARGE;

	if (!group)
		return -ENOMEM;
	group->last_thread = block->thread;
	group->chunks |= block_is_chunk(block->usable);
	changes_add(&cells->changes,
		    &(struct change){
			    .address = block->address,
			    .site = block->site,
			    .usable = is_large ? CHANGE_LARGE : (uint32_t)block->usable,
			    .size = is_large ? CHANGE_LARGE : (uint32_t)block->size,
		    });
	return 0;
}

/* Changes of one cell. */
struct batch_cell {
	const struct change *from, *to;
	uint64_t page;
	struct strip *strip;
	unsigned index;
};

/* Cuts off the changes of the next few cells. Returns of how many. */
static unsigned cut_batch(const struct cells *cells, const struct change **change,
			  const struct change *end, struct batch_cell *batch)
{
	unsigned count = 0;

	while (count < BATCH_CELLS && *change < end) {
		const uint64_t number = (*change)->address >> cells->page_shift;
		struct batch_cell *cell = &batch[count++];

		cell->page = number << cells->page_shift;
		cell->index = (unsigned)number % STRIP_CELLS;
		cell->from = *change;
		while (*change < end && (*change)->address >> cells->page_shift == number)
			++*change;
		cell->to = *change;
	}
	return count;
}

static void prefetch_list(const struct cell *cell)
{
	size_t lines =
		(cell->blocks_count * sizeof(*cell->blocks) + CACHE_LINE - 1) / CACHE_LINE;

	for (size_t i = 0; i < lines && i < MOST_LINES; i++)
		__builtin_prefetch((const char *)cell->blocks + i * CACHE_LINE);
}

/* The page on which a block from before it ends, and the one on which a header lies, have
 * strips, so that there is something to count. */
static int touch_neighbours(struct cells *cells, const struct batch_cell *of,
			    uint8_t before)
{
	const struct cell *cell = &of->strip->cells[of->index];

	if (cell->before != before) {
		const uint64_t page = of->page - cells_page_bytes(cells);
		struct strip *strip = cells_strip_at(cells, page);

		if (!strip)
			return -ENOMEM;
		cells_uncount(cells, strip,
			      (unsigned)(page >> cells->page_shift) % STRIP_CELLS);
	}
	if (cell->reach > of->page && cell->reach % cells_page_bytes(cells) != 0 &&
	    !cells_strip_at(cells, cell->reach))
		return -ENOMEM;
	return 0;
}

/* Most time goes into waiting for memory, so that of a few cells is asked for at once. */
static int work_in(struct cells *cells, struct batch_cell *batch, unsigned count,
		   const struct blocks *blocks)
{
	int r = 0;

	for (unsigned i = 0; i < count; i++) {
		const struct cells_group *group = cells_group_at(cells, batch[i].page);

		if (!group)
			return -ENOMEM;
		__builtin_prefetch(&group->strips[cells_strip_of(cells, batch[i].page)]);
	}
	for (unsigned i = 0; i < count; i++) {
		batch[i].strip = cells_strip_at(cells, batch[i].page);
		if (!batch[i].strip)
			return -ENOMEM;
		__builtin_prefetch(batch[i].strip);
		__builtin_prefetch(&batch[i].strip->cells[batch[i].index]);
	}
	for (unsigned i = 0; i < count; i++)
		prefetch_list(&batch[i].strip->cells[batch[i].index]);
	for (unsigned i = 0; r == 0 && i < count; i++) {
		const struct batch_cell *of = &batch[i];
		const uint8_t before = of->strip->cells[of->index].before;

		r = cells_change(cells, of->strip, of->index, of->page, of->from, of->to,
				 blocks);
		if (r == 0)
			r = touch_neighbours(cells, of, before);
	}
	return r;
}

/* The account has room for all sites that are in the log. */
static int make_pins_room(struct cells *cells)
{
	const struct changes *changes = &cells->changes;
	size_t sites = 0;

	for (size_t i = 0; i < changes->count; i++)
		if (changes->items[i].site >= sites &&
		    changes->items[i].site != CHANGE_GONE)
			sites = changes->items[i].site + 1;
	return pins_make_room(&cells->pins, sites);
}

static int work_off(struct cells *cells, const struct blocks *blocks)
{
	const struct change *change, *end;
	struct batch_cell batch[BATCH_CELLS];
	int r = make_pins_room(cells);

	if (r == 0)
		r = changes_sort(&cells->changes);
	change = cells->changes.items;
	end = change ? change + cells->changes.count : NULL;
	while (r == 0 && change < end) {
		unsigned count = cut_batch(cells, &change, end, batch);

		r = work_in(cells, batch, count, blocks);
	}
	return r;
}

static void empty_strip(struct cells *cells, struct strip *strip)
{
	for (unsigned i = 0; i < STRIP_CELLS; i++) {
		cells_uncount(cells, strip, i);
		strip->cells[i].blocks_count = 0; /* the list is kept */
		strip->cells[i].reach = strip->cells[i].asked_reach = 0;
		strip->cells[i].before = 0;
	}
	strip->used = strip->beyond = 0;
}

/* Empties all cells; what lives is what changes. */
static int begin_anew(struct cells *cells, const struct blocks *blocks)
{
	const size_t slots = blocks_slots(blocks);
	int r = 0;

	for (size_t g = 0; g < cells->groups_count; g++) {
		struct cells_group *group = cells->groups[g];

		for (uint64_t bits = group->present; bits; bits &= bits - 1)
			empty_strip(cells, group->strips[__builtin_ctzll(bits)]);
		group->dirty = group->present;
	}
	changes_restart(&cells->changes, SIZE_MAX);
	for (size_t i = 0; r == 0 && i < slots; i++)
		if (blocks->slots[i].address)
			r = cells_notice(cells, &blocks->slots[i]);
	return cells->changes.lost ? -ENOMEM : r;
}

int cells_refresh(struct cells *cells, const struct blocks *blocks)
{
	const bool anew = cells->patience == 0 || cells->changes.lost;
	int r = anew ? begin_anew(cells, blocks) : 0;

	if (r == 0)
		r = work_off(cells, blocks);
	if (r < 0)
		return r;
	/* As many as all that live are not to be expected again. */
	if (anew)
		changes_done(&cells->changes);
	changes_restart(&cells->changes, MOST_CHANGES(blocks->count));
	cells->patience = PATIENCE(blocks->count);
	return cells_sort_groups(cells);
}
