/* SPDX-License-Identifier: MIT */
/* One cell: what its blocks cover, and what is counted of its page. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cells.h"

_Static_assert(sizeof(struct cell) == 64, "a cell is a cache line");

/* A page while its blocks are gone over; offsets, and bytes. */
struct measure {
	uint64_t at; /* what is before it is taken */
	uint64_t limit;
	uint64_t covered, asked, headers, lead, longest;
	uint32_t sites;
};

/* Takes in the next block. Returns whether it has bytes on the page. */
static inline bool measure_block(struct measure *m, const struct cell_block *block,
				 uint64_t page, const struct blocks *blocks)
{
	const uint64_t start = cell_block_start(block), at = m->at;
	const uint64_t from = start > at ? start : at;
	uint64_t usable, size, end, asked, header;

	cell_block_bytes(block, page, blocks, &usable, &size);
	end = start + usable;
	if (from >= end)
		return false;
	header = block_header_bytes(usable);
	/* Otherwise it lies on the page before: cell.before. */
	if (start >= header)
		m->headers += header;
	m->at = end;
	if (from >= m->limit)
		return false;
	if (m->covered == 0)
		m->lead = from;
	else if (from - at > m->longest)
		m->longest = from - at;
	m->covered += (end < m->limit ? end : m->limit) - from;
	asked = start + (size < usable ? size : usable);
	if (asked > m->limit)
		asked = m->limit;
	if (asked > from)
		m->asked += asked - from;
	return true;
}

/* Enters what is pinned on a page, or takes it off again. */
static void pin(struct pins *pins, const struct cell *cell, uint32_t free_bytes, bool enter)
{
	int64_t part;

	if (free_bytes == 0 || cell->parts == 0)
		return;
	part = pins_part(free_bytes, cell->parts);
	part = enter ? part : -part;
	for (uint32_t i = 0; i < cell->blocks_count; i++)
		if (cell->blocks[i].start & CELL_BLOCK_FIRST)
			pins_enter(pins, cell->blocks[i].site, part);
	if (cell->other_pins)
		pins_enter(pins, cell->other, part);
}

/* Goes over the blocks of a cell. The first of each site is marked as such. */
static void measure_blocks(struct cells *cells, const struct cell *cell, uint64_t page,
			   const struct blocks *blocks, struct measure *m)
{
	pins_turn_page(&cells->pins);
	for (uint32_t i = 0; i < cell->blocks_count; i++) {
		struct cell_block *block = &cell->blocks[i];

		if (measure_block(m, block, page, blocks) &&
		    pins_see(&cells->pins, block->site)) {
			block->start |= CELL_BLOCK_FIRST;
			m->sites++;
		} else {
			block->start &= ~CELL_BLOCK_FIRST;
		}
	}
}

void cells_count(struct cells *cells, struct strip *strip, unsigned index, uint64_t address,
		 const struct cells_flow *flow, unsigned headers_after,
		 const struct blocks *blocks)
{
	struct cell *cell = &strip->cells[index];
	const uint32_t page_bytes = cells_page_bytes(cells);
	struct free_runs *page = &strip->pages[index];
	struct measure m = {.limit = page_bytes};

	cell->into = cells_flow_into(cells, flow->reach, address);
	cell->asked_into = cells_flow_into(cells, flow->asked_reach, address);
	cell->other = flow->site;
	cell->after = (uint8_t)headers_after;
	m.at = cell->into > 0 ? flow->reach - address : 0;
	m.covered = cell->into;
	m.asked = cell->asked_into;
	measure_blocks(cells, cell, address, blocks, &m);
	cell->other_pins = cell->into > 0 && pins_see(&cells->pins, cell->other);
	cell->parts = m.sites + cell->other_pins;
	cell->covered = (uint32_t)m.covered;
	cell->asked = (uint32_t)m.asked;
	m.headers = cells->with_headers ? m.headers + headers_after : 0;
	cell->headers =
		(uint32_t)(m.headers < page_bytes - m.covered ? m.headers
							      : page_bytes - m.covered);
	page->lead = m.covered == 0 ? page_bytes : (uint32_t)m.lead;
	page->tail = m.at < page_bytes ? (uint32_t)(page_bytes - m.at) : 0;
	page->longest = (uint32_t)m.longest;
	strip->counted |= (uint8_t)(1u << index);
	if (cell->into > 0)
		strip->into |= (uint8_t)(1u << index);
	pin(&cells->pins, cell, page_bytes - cell->covered, true);
	page_sums_add(&cells->sums, 1, cells->page_shift, cell->covered, cell->asked,
		      cell->headers);
}

void cells_uncount(struct cells *cells, struct strip *strip, unsigned index)
{
	const struct cell *cell = &strip->cells[index];

	if (!(strip->counted >> index & 1))
		return;
	page_sums_add(&cells->sums, -1, cells->page_shift, cell->covered, cell->asked,
		      cell->headers);
	pin(&cells->pins, cell, cells_page_bytes(cells) - cell->covered, false);
	strip->counted &= (uint8_t) ~(1u << index);
	strip->into &= (uint8_t) ~(1u << index);
}

/* ---- Changes ----------------------------------------------------------------------- */

static size_t list_bytes(unsigned list)
{
	return ((size_t)CELL_LIST_BLOCKS << list) * sizeof(struct cell_block);
}

static void drop_list(struct cells *cells, struct cell *cell)
{
	if (cell->list == 0)
		return;
	if (cell->list <= CELL_LISTS)
		pool_give(&cells->lists[cell->list - 1], cell->blocks);
	else
		free(cell->blocks);
	cell->blocks = NULL;
	cell->list = 0;
}

void cell_forget(struct cells *cells, struct cell *cell)
{
	drop_list(cells, cell);
	cell->blocks_count = 0;
	cell->reach = cell->asked_reach = 0;
	cell->before = 0;
}

/* Room for so many blocks of a cell; what it has is not needed any more. */
static int make_room(struct cells *cells, struct cell *cell, size_t count)
{
	unsigned list = 0;

	while (((size_t)CELL_LIST_BLOCKS << list) < count)
		list++;
	if (cell->list > list)
		return 0;
	drop_list(cells, cell);
	cell->blocks_count = 0;
	cell->blocks = list < CELL_LISTS ? pool_take(&cells->lists[list], list_bytes(list))
					 : malloc(list_bytes(list));
	if (!cell->blocks)
		return -ENOMEM;
	cell->list = (uint8_t)(list + 1);
	return 0;
}

/* What a cell says of its own blocks, whatever lies before them. */
static void find_ends(struct cell *cell, uint64_t page, const struct blocks *blocks)
{
	uint64_t usable, size, reach = 0;
	unsigned header, before = 0;

	for (uint32_t i = 0; i < cell->blocks_count; i++) {
		const struct cell_block *block = &cell->blocks[i];
		const uint32_t start = cell_block_start(block);

		cell_block_bytes(block, page, blocks, &usable, &size);
		header = block_header_bytes(usable);
		if (__builtin_expect(start < header && usable > 0, 0))
			before += header - start;
		if (start + usable <= reach || usable == 0)
			continue;
		reach = start + usable;
		cell->asked_reach = page + start + (size < usable ? size : usable);
		cell->reach_site = block->site;
	}
	cell->reach = reach ? page + reach : 0;
	cell->before = (uint8_t)(before < UINT8_MAX ? before : UINT8_MAX);
}

/* Puts a cell's list together with changes to it. Returns how many blocks there are. */
static size_t merge(const struct cell *cell, uint64_t page, const struct change *change,
		    const struct change *end, struct cell_block *merged)
{
	const struct cell_block *known = cell->blocks,
				*known_end = known ? known + cell->blocks_count : NULL;
	size_t count = 0;

	for (; change < end; change++) {
		uint32_t start = (uint32_t)(change->address - page);

		if (change + 1 < end && change[1].address == change->address)
			continue;
		while (known < known_end && cell_block_start(known) < start)
			merged[count++] = *known++;
		if (known < known_end && cell_block_start(known) == start)
			known++;
		if (change->site != CHANGE_GONE)
			merged[count++] = (struct cell_block){change->site, start,
							      change->usable, change->size};
	}
	while (known < known_end)
		merged[count++] = *known++;
	return count;
}

static int make_merged_room(struct cells *cells, size_t count)
{
	struct cell_block *merged;

	if (count <= cells->merged_room)
		return 0;
	count *= 2;
	merged = reallocarray(cells->merged, count, sizeof(*merged));
	if (!merged)
		return -ENOMEM;
	cells->merged = merged;
	cells->merged_room = count;
	return 0;
}

int cells_change(struct cells *cells, struct strip *strip, unsigned index, uint64_t page,
		 const struct change *from, const struct change *to,
		 const struct blocks *blocks)
{
	struct cell *cell = &strip->cells[index];
	const uint8_t bit = (uint8_t)(1u << index);
	const bool was_counted = strip->counted & bit;
	const struct cells_flow flow = {page + cell->into, page + cell->asked_into,
					cell->other};
	size_t count;
	int r;

	cells_uncount(cells, strip, index);
	r = make_merged_room(cells, cell->blocks_count + (size_t)(to - from));
	if (r < 0)
		return r;
	count = merge(cell, page, from, to, cells->merged);
	if (count > 0 && (r = make_room(cells, cell, count)) < 0)
		return r;
	cell->blocks_count = (uint32_t)count;
	if (count > 0)
		memcpy(cell->blocks, cells->merged, count * sizeof(*cell->blocks));
	else
		cell_forget(cells, cell);
	find_ends(cell, page, blocks);
	strip->used = (uint8_t)(count ? strip->used | bit : strip->used & ~bit);
	strip->beyond = (uint8_t)(cell->reach > page + cells_page_bytes(cells)
					  ? strip->beyond | bit
					  : strip->beyond & ~bit);
	if (was_counted)
		cells_count(cells, strip, index, page, &flow, cell->after, blocks);
	return 0;
}
