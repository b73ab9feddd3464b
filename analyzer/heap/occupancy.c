/* SPDX-License-Identifier: MIT */
#include "occupancy.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void occupancy_done(struct occupancy *occupancy)
{
	free(occupancy->pins);
	free(occupancy->runs);
	memset(occupancy, 0, sizeof(*occupancy));
}

static int make_room(struct occupancy *o, size_t sites_count)
{
	size_t room = sites_count + sites_count / 2 + 16;
	double *pins;

	if (sites_count <= o->sites_room)
		return 0;
	pins = reallocarray(o->pins, room, sizeof(*pins));
	if (!pins)
		return -ENOMEM;
	o->pins = pins;
	o->sites_room = room;
	return 0;
}

/* Nothing is counted any more. */
static void uncount_all(struct cells *cells)
{
	for (size_t g = 0; g < cells->groups_count; g++) {
		struct cells_group *group = cells->groups[g];

		for (uint64_t bits = group->present; bits; bits &= bits - 1)
			for (unsigned i = 0; i < STRIP_CELLS; i++)
				cells_uncount(cells, group->strips[__builtin_ctzll(bits)],
					      i);
		group->dirty = group->present;
	}
}

int occupancy_begin(struct occupancy *o, bool with_headers, size_t sites_count,
		    struct cells *cells, const struct blocks *blocks)
{
	int r = make_room(o, sites_count);

	if (r == 0)
		r = pins_make_room(&cells->pins, sites_count);
	if (r < 0)
		return r;
	if (cells->with_headers != with_headers)
		uncount_all(cells);
	cells->with_headers = with_headers;
	o->sites_count = sites_count;
	o->sweep.cells = cells;
	o->sweep.blocks = blocks;
	o->runs_count = 0;
	o->serial++;
	occupancy_begin_region(o);
	return 0;
}

/* ---- Runs -------------------------------------------------------------------------- */

void occupancy_begin_region(struct occupancy *o)
{
	o->region_begins = true;
}

/* Sets the bits [first, last) of an array of bytes. */
static void set_bits(uint8_t *bytes, unsigned first, unsigned last)
{
	for (; first < last && first % 8; first++)
		bytes[first / 8] |= (uint8_t)(1u << first % 8);
	if (first < last)
		memset(bytes + first / 8, 0xff, (last - first) / 8);
	for (unsigned i = last - last % 8; i < last; i++)
		if (i >= first)
			bytes[i / 8] |= (uint8_t)(1u << i % 8);
}

/* Tells the groups that a run lies in. */
static void mark_groups(struct occupancy *o, const struct occupancy_run *run)
{
	const struct cells *cells = o->sweep.cells;
	const uint64_t group_bytes = 1ull << cells->group_shift;

	for (size_t g = cells_find_group(cells, run->start); g < cells->groups_count; g++) {
		struct cells_group *group = cells->groups[g];
		const uint64_t start = cells_group_start(cells, group);
		uint64_t from = run->start > start ? run->start - start : 0, to;

		if (start >= run->end)
			break;
		to = run->end - start < group_bytes ? run->end - start : group_bytes;
		if (group->serial != o->serial) {
			group->serial = o->serial;
			memset(&group->next, 0, sizeof(group->next));
		}
		from >>= cells->page_shift;
		set_bits(group->next.resident, (unsigned)from,
			 (unsigned)(to >> cells->page_shift));
		if (run->region_begins && run->start >= start)
			group->next.breaks[from / 8] |= (uint8_t)(1u << from % 8);
	}
}

int occupancy_add_run(struct occupancy *o, uint64_t start, uint64_t end)
{
	struct occupancy_run *run;

	if (o->runs_count == o->runs_room) {
		size_t room = o->runs_room ? 2 * o->runs_room : 64;

		run = reallocarray(o->runs, room, sizeof(*run));
		if (!run)
			return -ENOMEM;
		o->runs = run;
		o->runs_room = room;
	}
	run = &o->runs[o->runs_count];
	*run = (struct occupancy_run){start, end, o->region_begins};
	o->region_begins = false;
	o->runs_count++;
	mark_groups(o, run);
	return 0;
}

/* ---- The whole --------------------------------------------------------------------- */

static void add_free(struct occupancy *o, uint64_t bytes)
{
	o->free_run += bytes;
	if (o->free_run > o->longest_free)
		o->longest_free = o->free_run;
}

/* Resident pages [from, to) that are in no group: at first a block's that reaches here,
 * which ends where a page does; then free ones. */
static void add_stretch(struct occupancy *o, uint64_t from, uint64_t to)
{
	const struct cells_flow *flow = &o->sweep.flow;
	const unsigned shift = o->sweep.cells->page_shift;
	const uint64_t border = flow->reach < from ? from
				: flow->reach < to ? flow->reach
						   : to;
	const uint64_t asked_end = flow->asked_reach < border ? flow->asked_reach : border;

	if (border > from) {
		page_sums_add(&o->sums, (int64_t)((border - from) >> shift), shift,
			      1u << shift, 0, 0);
		o->sums.asked += asked_end > from ? asked_end - from : 0;
		o->free_run = 0;
	}
	page_sums_add(&o->sums, (int64_t)((to - border) >> shift), shift, 0, 0, 0);
	add_free(o, to - border);
	o->at = to;
}

/* The runs up to an address, of which what lies before o->at is in groups that are done. */
static void add_runs(struct occupancy *o, size_t *next, uint64_t end)
{
	for (; *next < o->runs_count; ++*next) {
		const struct occupancy_run *run = &o->runs[*next];
		uint64_t from = run->start, to = run->end < end ? run->end : end;

		if (from >= end)
			return;
		if (from < o->at)
			from = o->at;
		else if (from > o->at || run->region_begins)
			o->free_run = 0;
		if (from < to)
			add_stretch(o, from, to);
		if (run->end > end)
			return;
	}
}

static void add_group(struct occupancy *o, size_t g)
{
	struct cells *cells = o->sweep.cells;
	struct cells_group *group = cells->groups[g];
	const uint64_t start = cells_group_start(cells, group);

	if (group->serial != o->serial)
		memset(&group->next, 0, sizeof(group->next));
	sweep_group(&o->sweep, g);
	page_sums_join(&o->sums, &group->gaps);
	if (o->at != start || !(group->now.resident[0] & 1) || group->now.breaks[0] & 1)
		o->free_run = 0;
	add_free(o, group->runs.lead);
	if (group->runs.longest > o->longest_free)
		o->longest_free = group->runs.longest;
	if (group->runs.lead < 1ull << cells->group_shift)
		o->free_run = group->runs.tail;
	o->at = start + (1ull << cells->group_shift);
}

void occupancy_end(struct occupancy *o)
{
	struct cells *cells = o->sweep.cells;
	size_t next = 0;

	o->sums = (struct page_sums){0};
	o->longest_free = o->free_run = o->at = 0;
	o->sweep.flow = (struct cells_flow){0};
	for (size_t g = 0; g < cells->groups_count; g++) {
		add_runs(o, &next, cells_group_start(cells, cells->groups[g]));
		add_group(o, g);
	}
	add_runs(o, &next, UINT64_MAX);
	page_sums_join(&o->sums, &cells->sums);
	for (size_t site = 0; site < o->sites_count; site++)
		o->pins[site] = pins_bytes(&cells->pins, site);
}
