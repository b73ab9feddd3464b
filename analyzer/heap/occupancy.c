/* SPDX-License-Identifier: MIT */
#include "occupancy.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define PREFETCH_PLACES 8u

void occupancy_done(struct occupancy *occupancy)
{
	free(occupancy->pins);
	free(occupancy->page_sites);
	free(occupancy->site_seen);
	memset(occupancy, 0, sizeof(*occupancy));
}

static int make_room(struct occupancy *o, size_t sites_count)
{
	size_t room = sites_count + sites_count / 2 + 16;
	double *pins;
	uint64_t *seen;

	if (sites_count <= o->sites_room)
		return 0;
	pins = reallocarray(o->pins, room, sizeof(*pins));
	if (!pins)
		return -ENOMEM;
	o->pins = pins;
	seen = reallocarray(o->site_seen, room, sizeof(*seen));
	if (!seen)
		return -ENOMEM;
	o->site_seen = seen;
	memset(seen + o->sites_room, 0, (room - o->sites_room) * sizeof(*seen));
	o->sites_room = room;
	return 0;
}

int occupancy_begin(struct occupancy *o, uint32_t page_bytes, bool with_headers,
		    size_t sites_count, struct cells *cells, const struct blocks *blocks)
{
	int r = make_room(o, sites_count);

	if (r == 0)
		r = pins_make_room(&cells->pins, sites_count);
	if (r < 0)
		return r;
	memset(&o->sums, 0, sizeof(o->sums));
	if (sites_count)
		memset(o->pins, 0, sites_count * sizeof(*o->pins));
	o->sites_count = sites_count;
	o->page_bytes = page_bytes;
	o->page_shift = (unsigned)__builtin_ctz(page_bytes);
	o->with_headers = with_headers;
	o->cells = cells;
	o->blocks = blocks;
	o->place = 0;
	o->last_end = 0;
	o->reach = 0;
	o->asked_reach = 0;
	o->page_covered = 0;
	o->page_headers = 0;
	o->page_sites_count = 0;
	o->serial++;
	occupancy_begin_region(o);
	return 0;
}

void occupancy_begin_region(struct occupancy *o)
{
	o->free_run = 0;
	o->last_end = 0;
	o->last_page_free = 0;
}

static int note_site(struct occupancy *o, uint32_t site)
{
	if (o->site_seen[site] == o->serial)
		return 0;
	o->site_seen[site] = o->serial;
	if (o->page_sites_count == o->page_sites_room) {
		size_t room = o->page_sites_room ? 2 * o->page_sites_room : 64;
		uint32_t *sites = reallocarray(o->page_sites, room, sizeof(*sites));

		if (!sites)
			return -ENOMEM;
		o->page_sites = sites;
		o->page_sites_room = room;
	}
	o->page_sites[o->page_sites_count++] = site;
	return 0;
}

/* Sums up a page. Returns its free bytes. */
static uint64_t sum_page(struct occupancy *o, uint64_t covered, uint64_t page_headers)
{
	uint64_t free_bytes = o->page_bytes - covered;
	uint64_t headers = page_headers < free_bytes ? page_headers : free_bytes;

	o->sums.pages[(covered * 10 + o->page_bytes - 1) >> o->page_shift]++;
	o->sums.headers += headers;
	o->last_page_empty = covered == 0;
	o->last_page_free = free_bytes - headers;
	if (covered == 0) {
		o->sums.empty += free_bytes;
		o->sums.empty_headers += headers;
	} else {
		o->sums.pinned += free_bytes;
		o->sums.pinned_headers += headers;
	}
	return free_bytes;
}

static void close_page(struct occupancy *o)
{
	uint64_t free_bytes = sum_page(o, o->page_covered, o->page_headers);

	for (size_t i = 0; i < o->page_sites_count; i++)
		o->pins[o->page_sites[i]] +=
			(double)free_bytes / (double)o->page_sites_count;
	o->page_covered = 0;
	o->page_headers = 0;
	o->page_sites_count = 0;
	o->serial++;
}

static void add_free(struct occupancy *o, uint64_t bytes)
{
	o->free_run += bytes;
	if (o->free_run > o->sums.longest_free)
		o->sums.longest_free = o->free_run;
}

/* Goes on from `from` to `to`, where no block begins: bytes of the one that reaches here,
 * or free ones. */
static int stretch(struct occupancy *o, uint64_t from, uint64_t to, bool covered)
{
	const uint64_t page_bytes = o->page_bytes;
	int r = 0;

	if (from >= to)
		return 0;
	if (covered) {
		o->sums.covered += to - from;
		if (from < o->asked_reach)
			o->sums.asked += (to < o->asked_reach ? to : o->asked_reach) - from;
		o->free_run = 0;
	} else {
		add_free(o, to - from);
	}
	while (r == 0 && from < to) {
		uint64_t within = from & (page_bytes - 1), part = page_bytes - within;

		if (within == 0 && to - from >= page_bytes) {
			uint64_t whole = (to - from) / page_bytes;

			o->sums.pages[covered ? 10 : 0] += whole;
			o->sums.empty += covered ? 0 : whole * page_bytes;
			o->last_page_empty = !covered;
			o->last_page_free = covered ? 0 : page_bytes;
			from += whole * page_bytes;
			continue;
		}
		if (part > to - from)
			part = to - from;
		if (covered) {
			o->page_covered += part;
			r = note_site(o, o->reach_site);
		}
		from += part;
		if ((from & (page_bytes - 1)) == 0)
			close_page(o);
	}
	return r;
}

static int between_cells(struct occupancy *o, uint64_t from, uint64_t to)
{
	uint64_t border = o->reach < from ? from : o->reach < to ? o->reach : to;
	int r = stretch(o, from, border, true);

	return r < 0 ? r : stretch(o, border, to, false);
}

/* The header of a cell's first block can lie at the end of the page before, which has been
 * closed. Where that page is not of this run, its header is in none of the sums. */
static void add_header_before(struct occupancy *o, uint64_t address, uint64_t bytes)
{
	if (address & (o->page_bytes - 1)) {
		o->page_headers += bytes;
		return;
	}
	if (bytes > o->last_page_free)
		bytes = o->last_page_free;
	o->sums.headers += bytes;
	if (o->last_page_empty)
		o->sums.empty_headers += bytes;
	else
		o->sums.pinned_headers += bytes;
}

static void take_reach(struct occupancy *o, const struct cell *cell)
{
	if (cell->reach > o->reach) {
		o->reach = cell->reach;
		o->asked_reach = cell->asked_reach;
		o->reach_site = cell->reach_site;
	}
}

/* A resident cell: what reaches into it, then the blocks that begin in it. */
static int add_measured(struct occupancy *o, const struct cell *cell, uint64_t address)
{
	const uint32_t *sites = cell->sites;
	uint64_t first = address + cell->first, end = address + CELL_BYTES;
	int r;

	if (cell->covered == 0)
		return between_cells(o, address, end);
	r = between_cells(o, address, first);
	for (size_t i = 0; r == 0 && i < cell->sites_count; i++)
		r = note_site(o, sites[i]);
	if (r < 0)
		return r;
	if (o->with_headers) {
		if (cell->before)
			add_header_before(o, address, cell->before);
		o->page_headers += cell->headers;
	}
	o->sums.covered += cell->covered;
	o->sums.asked += cell->asked;
	o->page_covered += cell->covered;
	if (cell->longest > o->sums.longest_free)
		o->sums.longest_free = cell->longest;
	o->free_run = 0;
	if (cell->reach < end)
		add_free(o, end - cell->reach);
	if ((end & (o->page_bytes - 1)) == 0)
		close_page(o);
	return 0;
}

static int add_cell(struct occupancy *o, const struct cell *cell, uint64_t address)
{
	struct cell clipped = {0};
	int r;

	if (o->reach <= address + cell->first) {
		r = add_measured(o, cell, address);
		take_reach(o, cell);
		return r;
	}
	/* Blocks overlap. */
	r = cell_measure(cell, address, o->reach, o->blocks, &clipped);
	if (r < 0)
		return r;
	r = add_measured(o, &clipped, address);
	cell_forget(&clipped);
	take_reach(o, cell);
	return r;
}

/* Whether a cell is a page of its own, on which no blocks overlap. */
static bool is_plain(const struct occupancy *o, const struct cell_digest *digest,
		     uint64_t address)
{
	return o->page_bytes == CELL_BYTES && digest->covered > 0 &&
	       o->reach <= address + digest->first;
}

/* The same as add_cell, of a plain cell. What its sites pin is entered once. */
static void add_plain(struct occupancy *o, uint32_t index, uint64_t address)
{
	const struct cell_digest *digest = &o->cells->digests[index];
	uint64_t into = o->reach > address ? o->reach - address : 0, free_bytes;

	if (into > 0) {
		uint64_t asked = o->asked_reach > address ? o->asked_reach - address : 0;

		o->sums.covered += into;
		o->sums.asked += asked < into ? asked : into;
		o->free_run = 0;
	}
	add_free(o, digest->first - into);
	if (o->with_headers && digest->before)
		add_header_before(o, address, digest->before);
	o->sums.covered += digest->covered;
	o->sums.asked += digest->asked;
	if (digest->longest > o->sums.longest_free)
		o->sums.longest_free = digest->longest;
	o->free_run = 0;
	add_free(o, digest->tail);
	free_bytes =
		sum_page(o, into + digest->covered, o->with_headers ? digest->headers : 0);
	cells_pin(o->cells, index, into > 0 ? o->reach_site : PINS_NO_SITE,
		  (uint16_t)free_bytes);
	if (digest->beyond)
		take_reach(o, &o->cells->cells[index]);
}

/* Begins to fetch the sites of a cell that comes soon, if they are to be entered: first
 * where they are, then themselves. */
static void prefetch_sites(const struct cells *cells, size_t place)
{
	const size_t far = place + 2 * PREFETCH_PLACES, near = place + PREFETCH_PLACES;

	if (far >= cells->places_count)
		return;
	if (cells->digests[cells->places[far].cell].pinned.parts == 0)
		__builtin_prefetch(&cells->cells[cells->places[far].cell].sites);
	if (cells->digests[cells->places[near].cell].pinned.parts == 0)
		__builtin_prefetch(cells->cells[cells->places[near].cell].sites);
}

int occupancy_add_run(struct occupancy *o, uint64_t start, uint64_t end)
{
	struct cells *cells = o->cells;
	uint64_t at = start;
	int r = 0;

	if (start != o->last_end) {
		o->free_run = 0;
		o->last_page_free = 0;
	}
	o->last_end = end;
	for (; r == 0 && o->place < cells->places_count; o->place++) {
		const struct cells_place *place = &cells->places[o->place];
		const struct cell *cell = &cells->cells[place->cell];

		if (place->address >= end)
			break;
		if (place->address < start) {
			cells_unpin(cells, place->cell);
			take_reach(o, cell);
			continue;
		}
		prefetch_sites(cells, o->place);
		if (at < place->address)
			r = between_cells(o, at, place->address);
		if (is_plain(o, &cells->digests[place->cell], place->address)) {
			add_plain(o, place->cell, place->address);
		} else if (r == 0) {
			cells_unpin(cells, place->cell);
			r = add_cell(o, cell, place->address);
		}
		at = place->address + CELL_BYTES;
	}
	if (r == 0)
		r = between_cells(o, at, end);
	/* The header of a block on a page that is not resident. */
	if (r == 0 && o->with_headers && o->place < cells->places_count &&
	    cells->places[o->place].address == end)
		add_header_before(o, end,
				  cells->cells[cells->places[o->place].cell].before);
	return r;
}

void occupancy_end(struct occupancy *o)
{
	for (; o->place < o->cells->places_count; o->place++)
		cells_unpin(o->cells, o->cells->places[o->place].cell);
	for (size_t site = 0; site < o->sites_count; site++)
		o->pins[site] += pins_bytes(&o->cells->pins, site);
}
