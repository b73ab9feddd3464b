/* SPDX-License-Identifier: MIT */
#include "cells.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_INDEX_SHIFT (64 - 6)
/* To mark an event costs about half of what it costs to mark a block and measure it. */
#define PATIENCE(live) (2 * (uint64_t)(live) + 4096)
/* Cells whose blocks are fetched at once. */
#define BATCH_CELLS 16u
#define CACHE_LINE 64u

void cells_done(struct cells *cells)
{
	for (size_t i = 0; i < cells->count; i++)
		cell_forget(&cells->cells[i]);
	for (size_t i = 0; i < cells->groups_count; i++)
		free(cells->groups[i]);
	free(cells->groups);
	free(cells->index);
	free(cells->cells);
	free(cells->digests);
	free(cells->places);
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

	for (unsigned i = 0; i < CELL_WORDS; i++)
		any |= cell->words[i].starts;
	return !any;
}

void cells_unpin(struct cells *cells, uint32_t index)
{
	const struct cell *cell = &cells->cells[index];
	struct cell_digest *digest = &cells->digests[index];

	pins_take_off(&cells->pins, cell->sites, cell->sites_count, &digest->pinned);
}

void cells_pin(struct cells *cells, uint32_t index, uint32_t reaching, uint16_t free_bytes)
{
	const struct cell *cell = &cells->cells[index];
	struct pins_entry *pinned = &cells->digests[index].pinned;

	if (pinned->parts > 0 && pinned->other == reaching &&
	    pinned->free_bytes == free_bytes)
		return;
	cells_unpin(cells, index);
	pins_enter(&cells->pins, cell->sites, cell->sites_count, reaching, free_bytes,
		   pinned);
}

static void retire(struct cells *cells, uint32_t *entry)
{
	struct cell *cell = &cells->cells[*entry - 1];

	cells_unpin(cells, *entry - 1);
	cell_forget(cell);
	cell->reach_site = cells->unused; /* the chain */
	cells->unused = *entry;
	cells->moved = true;
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
	struct cell_digest *digests;
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
	digests = reallocarray(cells->digests, room, sizeof(*digests));
	if (!digests)
		return -ENOMEM;
	cells->digests = digests;
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
	memset(&cells->digests[made - 1], 0, sizeof(cells->digests[0]));
	cells->moved = true;
	*entry = made;
	return 0;
}

static void make_dirty(struct cells_group *group, uint64_t address)
{
	unsigned i = (unsigned)(address / CELL_BYTES % CELLS_GROUP_CELLS);

	group->dirty[i / 64] |= 1ull << (i % 64);
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
	cell->words[granule / 64].starts |= 1ull << (granule % 64);
	cell->words[granule / 64].changed |= 1ull << (granule % 64);
	cell->odd |= (block->address & 7) != 0;
	make_dirty(group, block->address);
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
	make_dirty(group, address);
	cell->words[granule / 64].starts &= ~(1ull << (granule % 64));
	cell->words[granule / 64].changed |= 1ull << (granule % 64);
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

static void digest_cell(struct cells *cells, uint32_t index, uint64_t address)
{
	const struct cell *cell = &cells->cells[index];
	uint64_t end = address + CELL_BYTES;

	cells->digests[index] = (struct cell_digest){
		.first = cell->first,
		.covered = cell->covered,
		.asked = cell->asked,
		.headers = cell->headers,
		.longest = cell->longest,
		.tail = (uint16_t)(cell->reach < end ? end - cell->reach : 0),
		.before = cell->before,
		.beyond = cell->reach > end,
	};
}

static int refresh_cell(struct cells *cells, uint32_t *entry, uint64_t address,
			const struct blocks *blocks)
{
	struct cell *cell = &cells->cells[*entry - 1];
	int r;

	if (is_empty(cell)) {
		retire(cells, entry);
		return 0;
	}
	cells_unpin(cells, *entry - 1);
	r = cell_measure(cell, address, 0, blocks, cell);
	if (r < 0)
		return r;
	if (is_empty(cell))
		retire(cells, entry);
	else
		digest_cell(cells, *entry - 1, address);
	return 0;
}

static void prefetch_bytes(const void *start, size_t bytes)
{
	for (size_t at = 0; at < bytes; at += CACHE_LINE)
		__builtin_prefetch((const char *)start + at);
}

/* Begins to fetch what cell_measure will look at, apart from the cell. */
static void prefetch(const struct cell *cell, uint64_t address, const struct blocks *blocks)
{
	prefetch_bytes(cell->sites,
		       cell->room * (sizeof(uint32_t) + sizeof(struct cell_block)));
	for (unsigned word = 0; word < CELL_WORDS; word++) {
		uint64_t bits = cell->words[word].starts & cell->words[word].changed;

		for (; bits; bits &= bits - 1)
			blocks_prefetch(blocks,
					address + 8ull * (word * 64 +
							  (unsigned)__builtin_ctzll(bits)));
	}
}

/* Most time goes into waiting for memory, so the blocks of a few cells are asked for at
 * once. */
static int refresh_batch(struct cells *cells, uint32_t *const *entries,
			 const uint64_t *addresses, unsigned count,
			 const struct blocks *blocks)
{
	int r = 0;

	for (unsigned i = 0; i < count; i++) {
		prefetch_bytes(&cells->cells[*entries[i] - 1], sizeof(struct cell));
		__builtin_prefetch(&cells->digests[*entries[i] - 1]);
	}
	for (unsigned i = 0; i < count; i++)
		prefetch(&cells->cells[*entries[i] - 1], addresses[i], blocks);
	for (unsigned i = 0; r == 0 && i < count; i++)
		r = refresh_cell(cells, entries[i], addresses[i], blocks);
	return r;
}

static int refresh_group(struct cells *cells, struct cells_group *group,
			 const struct blocks *blocks)
{
	uint64_t address = group->number << CELLS_GROUP_SHIFT, addresses[BATCH_CELLS];
	uint32_t *entries[BATCH_CELLS];
	unsigned count = 0;
	int r = 0;

	for (unsigned word = 0; word < CELLS_GROUP_CELLS / 64; word++) {
		uint64_t bits = group->dirty[word];

		group->dirty[word] = 0;
		for (; r == 0 && bits; bits &= bits - 1) {
			unsigned i = word * 64 + (unsigned)__builtin_ctzll(bits);

			if (group->cells[i] == 0)
				continue;
			entries[count] = &group->cells[i];
			addresses[count++] = address + (uint64_t)i * CELL_BYTES;
			if (count == BATCH_CELLS) {
				r = refresh_batch(cells, entries, addresses, count, blocks);
				count = 0;
			}
		}
	}
	return r < 0 ? r : refresh_batch(cells, entries, addresses, count, blocks);
}

static int make_places(struct cells *cells)
{
	int r = 0;

	cells->places_count = 0;
	for (size_t g = 0; r == 0 && g < cells->groups_count; g++) {
		const struct cells_group *group = cells->groups[g];
		uint64_t address = group->number << CELLS_GROUP_SHIFT;

		for (size_t i = 0; r == 0 && i < CELLS_GROUP_CELLS; i++)
			if (group->cells[i])
				r = add_place(cells, address + i * CELL_BYTES,
					      group->cells[i] - 1);
	}
	return r;
}

/* Marks all blocks anew. */
static int mark_all(struct cells *cells, const struct blocks *blocks)
{
	size_t slots = blocks_slots(blocks);
	int r = 0;

	for (size_t i = 0; i < cells->count; i++) {
		struct cell *cell = &cells->cells[i];

		for (unsigned word = 0; word < CELL_WORDS; word++)
			cell->words[word] = (struct cell_word){0, UINT64_MAX};
		cell->odd = false;
	}
	for (size_t g = 0; g < cells->groups_count; g++)
		memset(cells->groups[g]->dirty, 0xff, sizeof(cells->groups[g]->dirty));
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
		cells->moved = true;
	}
	for (size_t g = 0; r == 0 && g < cells->groups_count; g++)
		r = refresh_group(cells, cells->groups[g], blocks);
	if (r == 0 && cells->moved) {
		r = make_places(cells);
		cells->moved = r < 0;
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
