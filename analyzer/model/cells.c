/* SPDX-License-Identifier: MIT */
/* Groups and strips: where the cells are kept. What changes them: refresh.c. */
#include "cells.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_INDEX_SHIFT (64 - 6)
/* A group of 4 KiB pages has as many bytes as a huge page; of any, one to 64 strips. */
#define GROUP_SHIFT 21
#define GROUP_SHIFT_LEAST_PAGES 3
#define GROUP_SHIFT_MOST_PAGES 9

_Static_assert(sizeof(struct strip) == 2 * 64 + STRIP_CELLS * 64,
	       "two cache lines, and one for each cell");

void cells_init(struct cells *cells, uint32_t page_bytes)
{
	unsigned shift = (unsigned)__builtin_ctz(page_bytes);

	memset(cells, 0, sizeof(*cells));
	cells->page_shift = shift;
	cells->group_shift = GROUP_SHIFT;
	if (cells->group_shift < shift + GROUP_SHIFT_LEAST_PAGES)
		cells->group_shift = shift + GROUP_SHIFT_LEAST_PAGES;
	if (cells->group_shift > shift + GROUP_SHIFT_MOST_PAGES)
		cells->group_shift = shift + GROUP_SHIFT_MOST_PAGES;
}

void cells_done(struct cells *cells)
{
	for (size_t i = 0; i < cells->groups_count; i++)
		free(cells->groups[i]);
	pool_done(&cells->strips);
	for (size_t i = 0; i < CELL_LISTS; i++)
		pool_done(&cells->lists[i]);
	free(cells->groups);
	free(cells->index);
	free(cells->merged);
	changes_done(&cells->changes);
	pins_done(&cells->pins);
	memset(cells, 0, sizeof(*cells));
}

/* ---- Groups ------------------------------------------------------------------------ */

static size_t index_slots(const struct cells *cells)
{
	return cells->index_shift ? (size_t)1 << (64 - cells->index_shift) : 0;
}

/* The slot of a group, or the empty one where it would go. */
static size_t find_slot(const struct cells *cells, uint64_t number)
{
	size_t mask = index_slots(cells) - 1;
	size_t i = (size_t)(number * 0x9e3779b97f4a7c15ull >> cells->index_shift);

	while (cells->index[i] && cells->groups[cells->index[i] - 1]->number != number)
		i = (i + 1) & mask;
	return i;
}

/* The index names places in `groups`, so it is made anew when they are sorted. */
static int make_index(struct cells *cells, unsigned shift)
{
	uint32_t *index = calloc((size_t)1 << (64 - shift), sizeof(*index));

	if (!index)
		return -ENOMEM;
	free(cells->index);
	cells->index = index;
	cells->index_shift = shift;
	for (size_t i = 0; i < cells->groups_count; i++)
		index[find_slot(cells, cells->groups[i]->number)] = (uint32_t)i + 1;
	return 0;
}

static struct cells_group *add_group(struct cells *cells, uint64_t number)
{
	struct cells_group *group;

	if (cells->groups_count == cells->groups_room) {
		size_t room = cells->groups_room ? 2 * cells->groups_room : 32;
		struct cells_group **groups =
			reallocarray(cells->groups, room, sizeof(*groups));

		if (!groups)
			return NULL;
		cells->groups = groups;
		cells->groups_room = room;
	}
	if (cells->groups_count >= index_slots(cells) / 2 &&
	    make_index(cells,
		       cells->index_shift ? cells->index_shift - 1 : FIRST_INDEX_SHIFT) < 0)
		return NULL;
	group = calloc(1, sizeof(*group));
	if (!group)
		return NULL;
	group->number = number;
	cells->groups[cells->groups_count++] = group;
	cells->index[find_slot(cells, number)] = (uint32_t)cells->groups_count;
	return group;
}

struct cells_group *cells_group_at(struct cells *cells, uint64_t address)
{
	const uint64_t number = address >> cells->group_shift;
	struct cells_group *group;
	uint32_t found;

	if (cells->last && cells->last->number == number)
		return cells->last;
	found = cells->groups_count ? cells->index[find_slot(cells, number)] : 0;
	group = found ? cells->groups[found - 1] : add_group(cells, number);
	if (group)
		cells->last = group;
	return group;
}

static int compare_groups(const void *a, const void *b)
{
	uint64_t x = (*(struct cells_group *const *)a)->number;
	uint64_t y = (*(struct cells_group *const *)b)->number;

	return x < y ? -1 : x > y;
}

int cells_sort_groups(struct cells *cells)
{
	if (cells->groups_sorted == cells->groups_count)
		return 0;
	qsort(cells->groups, cells->groups_count, sizeof(struct cells_group *),
	      compare_groups);
	cells->groups_sorted = cells->groups_count;
	return make_index(cells, cells->index_shift);
}

size_t cells_find_group(const struct cells *cells, uint64_t address)
{
	uint64_t number = address >> cells->group_shift;
	size_t low = 0, high = cells->groups_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (cells->groups[middle]->number < number)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* ---- Strips ------------------------------------------------------------------------ */

struct strip *cells_strip_at(struct cells *cells, uint64_t address)
{
	struct cells_group *group = cells_group_at(cells, address);
	unsigned i = cells_strip_of(cells, address);

	if (!group)
		return NULL;
	if (!group->strips[i]) {
		group->strips[i] = pool_take(&cells->strips, sizeof(struct strip));
		if (!group->strips[i])
			return NULL;
		memset(group->strips[i], 0, sizeof(struct strip));
		group->present |= 1ull << i;
	}
	group->dirty |= 1ull << i;
	return group->strips[i];
}

void cells_drop_strip(struct cells *cells, struct cells_group *group, unsigned i)
{
	struct strip *strip = group->strips[i];

	for (unsigned index = 0; index < STRIP_CELLS; index++)
		cell_forget(cells, &strip->cells[index]);
	pool_give(&cells->strips, strip);
	group->strips[i] = NULL;
	group->present &= ~(1ull << i);
}

bool cells_seek(const struct cells *cells, uint64_t address, struct cells_place *ret_place)
{
	for (size_t g = cells_find_group(cells, address); g < cells->groups_count; g++) {
		const struct cells_group *group = cells->groups[g];
		const uint64_t start = cells_group_start(cells, group);
		unsigned first = 0;

		if (address > start)
			first = cells_strip_of(cells, address);
		for (uint64_t bits = group->present >> first << first; bits;
		     bits &= bits - 1) {
			unsigned i = (unsigned)__builtin_ctzll(bits), index;
			const uint64_t at = start + i * cells_strip_bytes(cells);
			unsigned used = group->strips[i]->used;

			if (address > at)
				used &= ~0u
					<< ((address - at + cells_page_bytes(cells) - 1) >>
					    cells->page_shift);
			if (!used)
				continue;
			index = (unsigned)__builtin_ctz(used);
			ret_place->address = at + ((uint64_t)index << cells->page_shift);
			ret_place->cell = &group->strips[i]->cells[index];
			return true;
		}
	}
	return false;
}
