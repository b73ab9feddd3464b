/* SPDX-License-Identifier: MIT */
#include "cells.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_INDEX_SHIFT (64 - 6)
/* To mark an event costs about half of what it costs to mark a block and measure it. */
#define PATIENCE(live) (2 * (uint64_t)(live) + 4096)
#define STARTS_WORDS (CELL_BYTES / 8 / 64)
/* Room for the first sites that do not fit a cell; a power of two. */
#define MANY_SITES 16u

void cell_forget(struct cell *cell)
{
	if (cell->sites_count > CELL_SITES)
		free(cell->sites.many);
	cell->sites_count = 0;
}

void cells_done(struct cells *cells)
{
	for (size_t i = 0; i < cells->count; i++)
		cell_forget(&cells->cells[i]);
	for (size_t i = 0; i < cells->groups_count; i++)
		free(cells->groups[i]);
	free(cells->groups);
	free(cells->index);
	free(cells->cells);
	free(cells->places);
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

/* NULL: there is none. */
static struct cells_group *find_group(struct cells *cells, uint64_t number)
{
	uint32_t found;

	if (cells->last && cells->last->number == number)
		return cells->last;
	if (cells->groups_count == 0)
		return NULL;
	found = cells->index[find_slot(cells, number)];
	if (!found)
		return NULL;
	cells->last = cells->groups[found - 1];
	return cells->last;
}

/* ---- Cells ------------------------------------------------------------------------- */

static bool is_empty(const struct cell *cell)
{
	uint64_t any = cell->odd;

	for (unsigned i = 0; i < STARTS_WORDS; i++)
		any |= cell->starts[i];
	return !any;
}

static void retire(struct cells *cells, uint32_t *entry)
{
	struct cell *cell = &cells->cells[*entry - 1];

	cell_forget(cell);
	cell->reach_site = cells->unused; /* the chain */
	cells->unused = *entry;
	*entry = 0;
}

/* Cells whose blocks have all gone are kept, since others may soon come, until there is no
 * room for a new one. */
static void retire_empty(struct cells *cells)
{
	for (size_t g = 0; g < cells->groups_count; g++)
		for (size_t i = 0; i < CELLS_GROUP_CELLS; i++) {
			uint32_t *entry = &cells->groups[g]->cells[i];

			if (*entry && is_empty(&cells->cells[*entry - 1]))
				retire(cells, entry);
		}
}

static int make_room(struct cells *cells)
{
	size_t before = cells->unused, room = cells->room ? 2 * cells->room : 64;
	struct cell *moved;
	size_t spared = 0;

	if (before || cells->count < cells->room)
		return 0;
	retire_empty(cells);
	for (uint32_t i = cells->unused; i; i = cells->cells[i - 1].reach_site)
		spared++;
	/* With a few only, the search would soon be due again. */
	if (spared > 0 && spared >= cells->room / 4)
		return 0;
	moved = room < UINT32_MAX ? reallocarray(cells->cells, room, sizeof(*moved)) : NULL;
	if (!moved)
		return -ENOMEM;
	cells->cells = moved;
	cells->room = room;
	return 0;
}

static int add_cell(struct cells *cells, uint32_t *entry)
{
	uint32_t made;
	int r = make_room(cells);

	if (r < 0)
		return r;
	if (cells->unused) {
		made = cells->unused;
		cells->unused = cells->cells[made - 1].reach_site;
	} else {
		made = (uint32_t)++cells->count;
	}
	memset(&cells->cells[made - 1], 0, sizeof(cells->cells[0]));
	*entry = made;
	return 0;
}

int cells_mark(struct cells *cells, const struct block *block)
{
	uint64_t number = block->address >> CELLS_GROUP_SHIFT;
	struct cells_group *group = find_group(cells, number);
	uint32_t *entry;
	struct cell *cell;
	unsigned granule = (unsigned)(block->address % CELL_BYTES / 8);

	if (__builtin_expect(!group, 0)) {
		group = cells->last = add_group(cells, number);
		if (!group)
			return -ENOMEM;
	}
	group->last_thread = block->thread;
	group->chunks |= block_is_chunk(block->usable);
	entry = &group->cells[block->address / CELL_BYTES % CELLS_GROUP_CELLS];
	if (__builtin_expect(!*entry, 0) && add_cell(cells, entry) < 0)
		return -ENOMEM;
	cell = &cells->cells[*entry - 1];
	cell->starts[granule / 64] |= 1ull << (granule % 64);
	cell->odd |= (block->address & 7) != 0;
	cell->dirty = true;
	return 0;
}

void cells_unmark(struct cells *cells, uint64_t address)
{
	struct cells_group *group = find_group(cells, address >> CELLS_GROUP_SHIFT);
	unsigned granule = (unsigned)(address % CELL_BYTES / 8);
	uint32_t entry;
	struct cell *cell;

	if (!group)
		return;
	entry = group->cells[address / CELL_BYTES % CELLS_GROUP_CELLS];
	if (!entry)
		return;
	cell = &cells->cells[entry - 1];
	cell->dirty = true;
	cell->starts[granule / 64] &= ~(1ull << (granule % 64));
}

/* ---- Measuring --------------------------------------------------------------------- */

static int add_site(struct cell *cell, uint32_t site)
{
	const uint32_t *sites = cell_sites(cell);
	uint32_t *many;

	/* The last ones first: neighbours often come from one site. */
	for (size_t i = cell->sites_count; i-- > 0;)
		if (sites[i] == site)
			return 0;
	if (cell->sites_count < CELL_SITES) {
		cell->sites.few[cell->sites_count++] = site;
		return 0;
	}
	if (cell->sites_count == CELL_SITES) {
		many = malloc(MANY_SITES * sizeof(*many));
		if (!many)
			return -ENOMEM;
		memcpy(many, cell->sites.few, sizeof(cell->sites.few));
		cell->sites.many = many;
	} else if (cell->sites_count >= MANY_SITES &&
		   (cell->sites_count & (cell->sites_count - 1)) == 0) {
		many = reallocarray(cell->sites.many, cell->sites_count, 2 * sizeof(*many));
		if (!many)
			return -ENOMEM;
		cell->sites.many = many;
	}
	cell->sites.many[cell->sites_count++] = site;
	return 0;
}

static int add_block(struct cell *cell, const struct block *block, uint64_t address,
		     uint64_t *at)
{
	uint64_t end = block->address + block->usable, asked, from, to;
	uint64_t offset = block->address - address, limit = address + CELL_BYTES;
	unsigned header = block_header_bytes(block->usable);

	if (end < block->address)
		end = UINT64_MAX;
	from = block->address > *at ? block->address : *at;
	if (from >= end)
		return 0;
	asked = block->size < end - block->address ? block->address + block->size : end;
	if (cell->covered == 0)
		cell->first = (uint16_t)(from - address);
	else if (from - *at > cell->longest)
		cell->longest = (uint16_t)(from - *at);
	to = end < limit ? end : limit;
	if (from < to)
		cell->covered = (uint16_t)(cell->covered + (to - from));
	to = asked < limit ? asked : limit;
	if (from < to)
		cell->asked = (uint16_t)(cell->asked + (to - from));
	if (offset < header)
		cell->before = (uint8_t)(cell->before + header - offset);
	else
		cell->headers = (uint16_t)(cell->headers + header);
	if (end > cell->reach) {
		cell->reach = end;
		cell->asked_reach = asked;
		cell->reach_site = block->site;
	}
	*at = end;
	/* What begins behind the cell's end because of `from` is on no page here. */
	return from < limit ? add_site(cell, block->site) : 0;
}

/* At odd addresses two blocks can share a bit, so that every address is asked for and the
 * bits are made anew. */
static int measure_odd(struct cell *result, uint64_t address, uint64_t *at,
		       const struct blocks *blocks)
{
	int r = 0;

	result->odd = false;
	for (unsigned offset = 0; r == 0 && offset < CELL_BYTES; offset++) {
		const struct block *block = blocks_find(blocks, address + offset);

		if (!block)
			continue;
		result->odd |= offset % 8 != 0;
		result->starts[offset / 512] |= 1ull << (offset / 8 % 64);
		r = add_block(result, block, address, at);
	}
	return r;
}

/* Most time goes into waiting for memory, so all of a cell's blocks are asked for at once.
 */
static void prefetch(const struct cell *cell, uint64_t address, const struct blocks *blocks)
{
	for (unsigned word = 0; word < STARTS_WORDS; word++)
		for (uint64_t bits = cell->starts[word]; bits; bits &= bits - 1)
			blocks_prefetch(blocks,
					address + 8ull * (word * 64 +
							  (unsigned)__builtin_ctzll(bits)));
}

int cell_measure(const struct cell *cell, uint64_t address, uint64_t from,
		 const struct blocks *blocks, struct cell *ret_cell)
{
	struct cell result = {.odd = cell->odd};
	uint64_t at = from > address ? from : address;
	int r = 0;

	if (cell->odd)
		r = measure_odd(&result, address, &at, blocks);
	else
		memcpy(result.starts, cell->starts, sizeof(result.starts));
	prefetch(cell, address, blocks);
	for (unsigned word = 0; !cell->odd && word < STARTS_WORDS; word++) {
		uint64_t bits = cell->starts[word];

		for (; r == 0 && bits; bits &= bits - 1) {
			unsigned granule = word * 64 + (unsigned)__builtin_ctzll(bits);
			const struct block *block =
				blocks_find(blocks, address + 8ull * granule);

			if (block)
				r = add_block(&result, block, address, &at);
		}
	}
	if (r < 0) {
		cell_forget(&result);
		return r;
	}
	*ret_cell = result;
	return 0;
}

/* ---- All of them ------------------------------------------------------------------- */

static int compare_groups(const void *a, const void *b)
{
	uint64_t x = (*(struct cells_group *const *)a)->number;
	uint64_t y = (*(struct cells_group *const *)b)->number;

	return x < y ? -1 : x > y;
}

static int add_place(struct cells *cells, uint64_t address, uint32_t cell)
{
	if (cells->places_count == cells->places_room) {
		size_t room = cells->places_room ? 2 * cells->places_room : 256;
		struct cells_place *places =
			reallocarray(cells->places, room, sizeof(*places));

		if (!places)
			return -ENOMEM;
		cells->places = places;
		cells->places_room = room;
	}
	cells->places[cells->places_count++] = (struct cells_place){address, cell};
	return 0;
}

static int refresh_cell(struct cells *cells, uint32_t *entry, uint64_t address,
			const struct blocks *blocks)
{
	struct cell *cell = &cells->cells[*entry - 1], measured;

	if (cell->dirty) {
		int r;

		if (is_empty(cell)) {
			retire(cells, entry);
			return 0;
		}
		r = cell_measure(cell, address, 0, blocks, &measured);
		if (r < 0)
			return r;
		cell_forget(cell);
		*cell = measured;
		if (is_empty(cell)) {
			retire(cells, entry);
			return 0;
		}
	}
	return add_place(cells, address, *entry - 1);
}

/* Marks all blocks anew. */
static int mark_all(struct cells *cells, const struct blocks *blocks)
{
	size_t slots = blocks_slots(blocks);
	int r = 0;

	for (size_t i = 0; i < cells->count; i++) {
		struct cell *cell = &cells->cells[i];

		memset(cell->starts, 0, sizeof(cell->starts));
		cell->odd = false;
		cell->dirty = true;
	}
	for (size_t i = 0; r == 0 && i < slots; i++)
		if (blocks->slots[i].address)
			r = cells_mark(cells, &blocks->slots[i]);
	return r;
}

int cells_refresh(struct cells *cells, const struct blocks *blocks)
{
	int r = cells->patience == 0 ? mark_all(cells, blocks) : 0;

	if (r < 0)
		return r;
	cells->patience = PATIENCE(blocks->count);
	if (cells->groups_sorted < cells->groups_count) {
		qsort(cells->groups, cells->groups_count, sizeof(struct cells_group *),
		      compare_groups);
		r = make_index(cells, cells->index_shift);
		if (r < 0)
			return r;
		cells->groups_sorted = cells->groups_count;
	}
	cells->places_count = 0;
	for (size_t g = 0; r == 0 && g < cells->groups_count; g++) {
		struct cells_group *group = cells->groups[g];
		uint64_t address = group->number << CELLS_GROUP_SHIFT;

		for (size_t i = 0; r == 0 && i < CELLS_GROUP_CELLS; i++)
			if (group->cells[i])
				r = refresh_cell(cells, &group->cells[i],
						 address + i * CELL_BYTES, blocks);
	}
	return r;
}

size_t cells_find(const struct cells *cells, uint64_t address)
{
	size_t low = 0, high = cells->places_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (cells->places[middle].address < address)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

size_t cells_find_group(const struct cells *cells, uint64_t address)
{
	uint64_t number = address >> CELLS_GROUP_SHIFT;
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
