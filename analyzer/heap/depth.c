/* SPDX-License-Identifier: MIT */
#include "depth.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "freespace.h"
#include "glibcheap.h"
#include "pages.h"
#include "profile.h"
#include "regions.h"
#include "snapshot.h"

static void drop(struct depth *depth)
{
	profile_depth_free(depth->taken);
	depth->taken = NULL;
	blame_done(&depth->blame);
}

void depth_done(struct depth *depth)
{
	drop(depth);
	spans_done(&depth->spans);
}

/* ---- The map ----------------------------------------------------------------------- */

struct map {
	struct profile_depth *depth;
	size_t pages;	      /* classes written */
	uint64_t empty_bytes; /* of the region at hand */
};

static void map_part(void *context, const struct pages_part *part)
{
	struct map *map = context;
	uint64_t bytes = part->end - part->start;
	uint64_t pages = bytes / map->depth->page_bytes;
	unsigned class = pages_class(part->covered_bytes / pages, map->depth->page_bytes);

	if (part->covered_bytes == 0)
		map->empty_bytes += bytes;
	if (map->depth->pages_count == 0)
		return;
	memset(map->depth->page_classes + map->pages, (int)class, pages);
	map->pages += pages;
}

/* As many bytes of a heap as a map may show: all, but not all that a damaged dump says. */
static uint64_t mappable_bytes(const struct snapshot *snapshot)
{
	uint64_t rss = snapshot->head.rss_bytes;

	if (rss < 16ull << 30)
		return 16ull << 30;
	return rss < 1ull << 40 ? rss : 1ull << 40;
}

/* Room for the pages and stretches of all heaps. */
static int make_map(struct profile_depth *depth, const struct snapshot *snapshot,
		    const struct regions *regions)
{
	size_t runs = 0;
	uint64_t pages = 0;

	for (size_t i = 0; i < regions->count; i++) {
		const struct region *region = &regions->items[i];

		if (!region_is_heap(region))
			continue;
		runs += region->runs_count;
		pages += region_resident(region, region->start, region->end) /
			 depth->page_bytes;
	}
	if (pages > mappable_bytes(snapshot) / depth->page_bytes)
		pages = runs = 0;
	depth->stretches = calloc(runs + 1, sizeof(*depth->stretches));
	depth->page_classes = malloc(pages + 1);
	depth->pages_count = pages;
	return depth->stretches && depth->page_classes ? 0 : -ENOMEM;
}

/* ---- The walk ---------------------------------------------------------------------- */

struct walk {
	const struct depth_view *view;
	struct profile_depth *depth;
	struct blame *blame;
	struct pages pages;
	struct map map;
};

static void walk_region(struct walk *walk, const struct region *region)
{
	struct profile_depth *depth = walk->depth;
	struct snapshot_run run;
	bool begins = true;

	walk->map.empty_bytes = 0;
	for (size_t i = 0; i < region->runs_count; i++) {
		if (!region_run(region, i, &run))
			continue;
		if (depth->pages_count > 0)
			depth->stretches[depth->stretches_count++] =
				(struct profile_stretch){
					.start = run.start,
					.pages = (run.end - run.start) / depth->page_bytes,
					.first = walk->map.pages,
					.kind = region->kind,
					.region_begins = begins,
				};
		begins = false;
		pages_add_run(&walk->pages, run.start, run.end);
	}
	pages_begin_region(&walk->pages);
	blame_end_region(walk->blame);
}

static int add_heap(struct walk *walk, const struct glibcheap_view *view,
		    const struct region *region)
{
	struct profile_depth *depth = walk->depth;
	int r = glibcheap_look(view, region, &depth->heaps[depth->heaps_count]);

	if (r < 0)
		return r;
	depth->heaps[depth->heaps_count].empty_bytes = walk->map.empty_bytes;
	depth->trim_would_return_bytes += depth->heaps[depth->heaps_count++].trim_bytes;
	return 0;
}

static int walk_regions(struct walk *walk, const struct spans *spans)
{
	const struct depth_view *view = walk->view;
	const struct glibcheap_view heaps = {
		.snapshot = view->snapshot,
		.spans = spans,
		.cells = view->cells,
		.page_bytes = view->page_bytes,
		.clock = view->clock,
		.unit_ns = view->unit_ns,
	};
	int r = 0;

	if (view->is_glibc) {
		walk->depth->heaps =
			calloc(view->regions->count + 1, sizeof(*walk->depth->heaps));
		if (!walk->depth->heaps)
			return -ENOMEM;
	}
	for (size_t i = 0; r == 0 && i < view->regions->count; i++) {
		const struct region *region = &view->regions->items[i];

		if (!region_is_heap(region))
			continue;
		walk_region(walk, region);
		if (view->is_glibc && region->kind != PROFILE_REGION_MAPPED)
			r = add_heap(walk, &heaps, region);
	}
	return r;
}

int depth_take(struct depth *depth, const struct depth_view *view)
{
	struct profile_depth *taken;
	int r;

	drop(depth);
	taken = calloc(1, sizeof(*taken));
	if (!taken)
		return -ENOMEM;
	taken->snapshot = view->number;
	taken->page_bytes = view->page_bytes;
	r = spans_gather(&depth->spans, view->blocks);
	if (r == 0)
		r = make_map(taken, view->snapshot, view->regions);
	if (r == 0)
		r = blame_init(&depth->blame, &depth->spans, view->sites_count);
	if (r == 0) {
		struct sizes sizes = {&depth->spans, taken};
		struct walk walk = {view, taken, &depth->blame, {0}, {taken, 0, 0}};
		const struct pages_listener listeners[] = {
			{&depth->blame, blame_part, NULL},
			{&sizes, sizes_part, NULL},
			{taken, NULL, freespace_run},
			{&walk.map, map_part, NULL},
		};

		pages_init(&walk.pages, view->page_bytes, &depth->spans, listeners,
			   sizeof(listeners) / sizeof(listeners[0]));
		sizes_count(&sizes);
		r = walk_regions(&walk, &depth->spans);
	}
	depth->taken = taken;
	depth->clock = view->clock;
	depth->unit_ns = view->unit_ns;
	if (r < 0)
		drop(depth);
	return r;
}

void depth_close(struct depth *depth, struct profile *profile)
{
	profile->depth = depth->taken;
	depth->taken = NULL;
	if (profile->depth)
		blame_close(&depth->blame, depth->clock, depth->unit_ns, profile);
}
