/* SPDX-License-Identifier: MIT */
#include "sweep.h"

#include <string.h>

#define PREFETCH_STRIPS 8u

/* ---- Free runs --------------------------------------------------------------------- */

/* Free runs that are put together, part behind part. */
struct joined {
	struct free_runs runs;
	uint32_t run; /* that ends here */
	bool open;    /* it began at the begin */
};

static inline void end_run(struct joined *joined)
{
	if (joined->open)
		joined->runs.lead = joined->run;
	joined->open = false;
	joined->run = 0;
}

static inline void add_free(struct joined *joined, uint32_t bytes)
{
	joined->run += bytes;
	if (joined->run > joined->runs.longest)
		joined->runs.longest = joined->run;
}

/* `parts`: no run reaches from before into what is added. `bytes`: of it all. */
static inline void join(struct joined *joined, bool parts, const struct free_runs *runs,
			uint32_t bytes)
{
	if (parts)
		end_run(joined);
	add_free(joined, runs->lead);
	if (runs->lead == bytes)
		return;
	end_run(joined);
	if (runs->longest > joined->runs.longest)
		joined->runs.longest = runs->longest;
	add_free(joined, runs->tail);
}

static inline struct free_runs close_runs(struct joined *joined)
{
	joined->runs.tail = joined->run;
	end_run(joined);
	return joined->runs;
}

/* Whether no run reaches from before to a part's begin. What is before the first part is
 * for those who join the whole. */
static inline bool parts_at(unsigned resident, unsigned breaks, unsigned i, bool is_first)
{
	return !(resident >> i & 1) || (!is_first && breaks >> i & 1);
}

/* ---- Strips ------------------------------------------------------------------------ */

static inline void flow_on(struct cells_flow *flow, const struct cell *cell)
{
	if (cell->reach > flow->reach)
		*flow = (struct cells_flow){cell->reach, cell->asked_reach,
					    cell->reach_site};
}

/* Bytes of headers at the end of a strip, of blocks behind it. */
static unsigned headers_behind(const struct cells *cells, size_t g, unsigned s)
{
	const struct cells_group *group = cells->groups[g];
	const struct strip *strip = NULL;

	if (s + 1 < cells_group_strips(cells))
		strip = group->strips[s + 1];
	else if (g + 1 < cells->groups_count &&
		 cells->groups[g + 1]->number == group->number + 1)
		strip = cells->groups[g + 1]->strips[0];
	return strip ? strip->cells[0].before : 0;
}

/* Whether a page that is counted has as much of a block from before as then. */
static bool is_reached_alike(const struct sweep *sweep, const struct strip *strip,
			     unsigned i, uint64_t address)
{
	const struct cell *cell = &strip->cells[i];
	const struct cells_flow *flow = &sweep->flow;
	const uint32_t into = cells_flow_into(sweep->cells, flow->reach, address);

	if (into == 0 || !(strip->into >> i & 1))
		return into == 0 && !(strip->into >> i & 1);
	return cell->into == into && cell->other == flow->site &&
	       cell->asked_into ==
		       cells_flow_into(sweep->cells, flow->asked_reach, address);
}

/* Whether anything on a strip can have changed because of what is before it. */
static bool is_strip_reached(const struct sweep *sweep, const struct strip *strip,
			     uint64_t address)
{
	if (sweep->flow.reach <= address && strip->into == 0)
		return false;
	/* What the first page says holds for the others if nothing goes through it. */
	return !(strip->counted & 1) ||
	       sweep->flow.reach >= address + cells_page_bytes(sweep->cells) ||
	       !is_reached_alike(sweep, strip, 0, address);
}

static void join_pages(const struct cells *cells, struct strip *strip, unsigned resident,
		       unsigned breaks)
{
	struct joined joined = {.open = true};

	for (unsigned i = 0; i < STRIP_CELLS; i++) {
		if (resident >> i & 1)
			join(&joined, parts_at(resident, breaks, i, i == 0),
			     &strip->pages[i], cells_page_bytes(cells));
		else
			end_run(&joined);
	}
	strip->runs = close_runs(&joined);
}

static void sweep_strip(struct sweep *sweep, size_t g, unsigned s, uint64_t address)
{
	struct cells *cells = sweep->cells;
	const struct cells_group *group = cells->groups[g];
	struct strip *strip = group->strips[s];
	const unsigned resident = group->now.resident[s];
	uint64_t furthest = 0;

	strip->furthest = 0;
	for (unsigned i = 0; i < STRIP_CELLS; i++, address += cells_page_bytes(cells)) {
		const struct cell *cell = &strip->cells[i];
		const bool is_resident = resident >> i & 1;

		if (strip->counted >> i & 1 &&
		    (!is_resident || !is_reached_alike(sweep, strip, i, address)))
			cells_uncount(cells, strip, i);
		if (is_resident && !(strip->counted >> i & 1))
			cells_count(cells, strip, i, address, &sweep->flow,
				    i + 1 < STRIP_CELLS ? cell[1].before
							: headers_behind(cells, g, s),
				    sweep->blocks);
		if (!(strip->beyond >> i & 1))
			continue;
		flow_on(&sweep->flow, cell);
		if (cell->reach > furthest) {
			furthest = cell->reach;
			strip->furthest = (uint8_t)(i + 1);
		}
	}
	join_pages(cells, strip, resident, group->now.breaks[s]);
}

/* A strip that says nothing which its pages would not say without it. */
static bool is_idle(const struct sweep *sweep, size_t g, unsigned s, uint64_t address)
{
	return !sweep->cells->groups[g]->strips[s]->used && sweep->flow.reach <= address &&
	       headers_behind(sweep->cells, g, s) == 0;
}

static void drop_strip(struct cells *cells, struct cells_group *group, unsigned s)
{
	for (unsigned i = 0; i < STRIP_CELLS; i++)
		cells_uncount(cells, group->strips[s], i);
	cells_drop_strip(cells, group, s);
}

/* The pages of a strip that is not there: each is of one block, or free. */
static struct free_runs sweep_gap(const struct sweep *sweep, struct cells_group *group,
				  unsigned s, uint64_t address)
{
	const struct cells *cells = sweep->cells;
	const uint32_t page_bytes = cells_page_bytes(cells);
	const unsigned resident = group->now.resident[s], breaks = group->now.breaks[s];
	struct joined joined = {.open = true};

	for (unsigned i = 0; i < STRIP_CELLS; i++, address += page_bytes) {
		const uint32_t into = cells_flow_into(cells, sweep->flow.reach, address);
		const struct free_runs runs = {into ? 0 : page_bytes, page_bytes - into, 0};

		if (!(resident >> i & 1)) {
			end_run(&joined);
			continue;
		}
		page_sums_add(&group->gaps, 1, cells->page_shift, into,
			      cells_flow_into(cells, sweep->flow.asked_reach, address), 0);
		join(&joined, parts_at(resident, breaks, i, i == 0), &runs, page_bytes);
	}
	return close_runs(&joined);
}

/* ---- Groups ------------------------------------------------------------------------ */

static bool is_same_flow(const struct cells_flow *a, const struct cells_flow *b,
			 uint64_t address)
{
	if (a->reach <= address && b->reach <= address)
		return true;
	return a->reach == b->reach && a->asked_reach == b->asked_reach &&
	       a->site == b->site;
}

static bool has_changed(const struct sweep *sweep, const struct cells_group *group)
{
	return group->dirty || memcmp(&group->now, &group->next, sizeof(group->now)) != 0 ||
	       !is_same_flow(&group->in, &sweep->flow,
			     cells_group_start(sweep->cells, group));
}

/* Looks at a strip of a group if there is need to. Returns its free runs. */
static struct free_runs look_at_strip(struct sweep *sweep, size_t g, unsigned s,
				      const struct cells_pages *before, uint64_t address)
{
	struct cells_group *group = sweep->cells->groups[g];
	const struct strip *strip = group->strips[s];

	if (!strip)
		return sweep_gap(sweep, group, s, address);
	if (!(group->dirty >> s & 1) && group->now.resident[s] == before->resident[s] &&
	    group->now.breaks[s] == before->breaks[s] &&
	    !is_strip_reached(sweep, strip, address)) {
		if (strip->furthest)
			flow_on(&sweep->flow, &strip->cells[strip->furthest - 1]);
		return strip->runs;
	}
	if (is_idle(sweep, g, s, address)) {
		drop_strip(sweep->cells, group, s);
		return sweep_gap(sweep, group, s, address);
	}
	sweep_strip(sweep, g, s, address);
	return strip->runs;
}

static inline void prefetch_strip(const struct cells_group *group, unsigned s,
				  unsigned strips)
{
	if (s >= strips || !group->strips[s])
		return;
	__builtin_prefetch(group->strips[s]);
	if (group->dirty >> s & 1)
		__builtin_prefetch(&group->strips[s]->pages[STRIP_CELLS - 1]);
}

void sweep_group(struct sweep *sweep, size_t g)
{
	struct cells_group *group = sweep->cells->groups[g];
	const struct cells_pages before = group->now;
	const uint64_t strip_bytes = cells_strip_bytes(sweep->cells);
	const unsigned strips = cells_group_strips(sweep->cells);
	uint64_t address = cells_group_start(sweep->cells, group);
	struct joined joined = {.open = true};

	if (!has_changed(sweep, group)) {
		sweep->flow = group->out;
		return;
	}
	group->now = group->next;
	group->in = sweep->flow;
	group->gaps = (struct page_sums){0};
	for (unsigned s = 0; s < strips; s++, address += strip_bytes) {
		prefetch_strip(group, s + PREFETCH_STRIPS, strips);
		const struct free_runs runs = look_at_strip(sweep, g, s, &before, address);

		join(&joined,
		     parts_at(group->now.resident[s], group->now.breaks[s], 0, s == 0),
		     &runs, (uint32_t)strip_bytes);
	}
	group->dirty = 0;
	group->out = sweep->flow;
	group->runs = close_runs(&joined);
}
