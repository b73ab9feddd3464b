/* SPDX-License-Identifier: MIT */
#include "heap.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "model.h"
#include "snapshot.h"

/* Looking at a block costs about three times what an event costs. */
#define DEPTH_BLOCKS_LEAST (4u << 20)
#define DEPTH_EVENTS_A_BLOCK 3

void heap_init(struct heap *heap, const struct mft_header *header,
	       const struct profile_moment *moment)
{
	memset(heap, 0, sizeof(*heap));
	heap->moment = *moment;
	heap->page_bytes = header->page_bytes;
	heap->unit_ns = header->clock_unit_ns;
	heap->chosen = SIZE_MAX;
}

void heap_done(struct heap *heap)
{
	regions_done(&heap->regions);
	occupancy_done(&heap->occupancy);
	growth_done(&heap->growth);
	depth_done(&heap->depth);
	free(heap->snapshots);
	memset(heap, 0, sizeof(*heap));
}

/* ---- Figures ----------------------------------------------------------------------- */

/* Of resident memory that cannot be placed as much is taken to be of blocks as there is of
 * those that begin in the region, less what is on pages whose place is known. */
static void add_unplaced(const struct model *model, const struct region *region,
			 struct profile_snapshot *figures)
{
	const uint32_t page_bytes = cells_page_bytes(&model->cells);
	uint64_t blocks = 0, unplaced = region->unplaced_bytes, done = region->start;
	struct cells_place place;

	for (uint64_t at = region->start;
	     cells_seek(&model->cells, at, &place) && place.address < region->end;
	     at = place.address + page_bytes) {
		for (uint32_t i = 0; i < place.cell->blocks_count; i++) {
			const struct cell_block *block = &place.cell->blocks[i];
			uint64_t from = place.address + cell_block_start(block), usable,
				 end;
			uint64_t size;

			cell_block_bytes(block, place.address, &model->blocks, &usable,
					 &size);
			end = from + usable < from ? UINT64_MAX : from + usable;
			if (from < done)
				from = done;
			if (from >= end)
				continue;
			blocks += end - from - region_resident(region, from, end);
			done = end;
		}
	}
	if (blocks > unplaced)
		blocks = unplaced;
	figures->resident_bytes += unplaced;
	figures->free_bytes += unplaced - blocks;
	figures->waterfall.requested_bytes += blocks;
	figures->waterfall.empty_bytes += unplaced - blocks;
}

/* A region of the allocator: its pages and blocks. */
static int add_heap(struct heap *heap, const struct region *region,
		    const struct model *model, struct profile_snapshot *figures)
{
	struct snapshot_run run;
	int r = 0;

	occupancy_begin_region(&heap->occupancy);
	for (size_t i = 0; r == 0 && i < region->runs_count; i++) {
		if (!region_run(region, i, &run))
			continue;
		r = occupancy_add_run(&heap->occupancy, run.start, run.end);
		figures->resident_bytes += run.end - run.start;
	}
	if (region->unplaced_bytes > 0)
		add_unplaced(model, region, figures);
	return r;
}

static int add_regions(struct heap *heap, const struct model *model,
		       struct profile_snapshot *figures)
{
	struct profile_waterfall *w = &figures->waterfall;
	int r = 0;

	for (size_t i = 0; r == 0 && i < heap->regions.count; i++) {
		const struct region *region = &heap->regions.items[i];
		uint64_t resident;

		if (region_is_heap(region)) {
			r = add_heap(heap, region, model, figures);
			continue;
		}
		resident = region_resident(region, region->start, region->end) +
			   region->unplaced_bytes;
		if (region->kind == PROFILE_REGION_THREAD_STACK)
			w->stack_bytes += resident;
		else
			w->other_anon_bytes += resident;
	}
	return r;
}

static void complete_waterfall(struct profile_snapshot *figures,
			       const struct page_sums *sums,
			       const struct snapshot *snapshot)
{
	const uint64_t *other = snapshot->other_bytes;
	struct profile_waterfall *w = &figures->waterfall;
	uint64_t own_file = other[MFT_MAP_OWN_FILE], explained;

	w->rss_bytes = snapshot->head.rss_bytes;
	w->requested_bytes += sums->asked;
	w->empty_bytes += sums->empty - sums->empty_headers;
	if (figures->requested_bytes > w->requested_bytes)
		w->untouched_bytes = figures->requested_bytes - w->requested_bytes;
	w->slack_bytes = sums->covered - sums->asked + sums->headers;
	w->pinned_free_bytes = sums->pinned - sums->pinned_headers;
	w->stack_bytes += other[MFT_MAP_STACK];
	w->private_file_bytes = other[MFT_MAP_FILE];
	w->recorder_bytes = other[MFT_MAP_OWN] + own_file;
	if (snapshot->head.file_bytes > own_file)
		w->file_bytes = snapshot->head.file_bytes - own_file;
	explained = w->requested_bytes + w->slack_bytes + w->pinned_free_bytes +
		    w->empty_bytes + w->other_anon_bytes + w->stack_bytes +
		    w->recorder_bytes + w->file_bytes + w->private_file_bytes;
	w->unexplained_bytes = (int64_t)(w->rss_bytes - explained);
	figures->pinned_bytes = sums->pinned;
	figures->free_bytes += sums->pinned + sums->empty;
	memcpy(figures->page_occupancy, sums->pages, sizeof(sums->pages));
}

static int append(struct heap *heap, const struct profile_snapshot *figures)
{
	if (heap->count == heap->room) {
		size_t room = heap->room ? 2 * heap->room : 16;
		struct profile_snapshot *snapshots =
			reallocarray(heap->snapshots, room, sizeof(*snapshots));

		if (!snapshots)
			return -ENOMEM;
		heap->snapshots = snapshots;
		heap->room = room;
	}
	heap->snapshots[heap->count++] = *figures;
	return 0;
}

/* ---- Moments ----------------------------------------------------------------------- */

static int look_deeper(struct heap *heap, const struct snapshot *snapshot, uint64_t clock,
		       const struct model *model, bool is_glibc)
{
	const struct ledger *ledger = &model->ledger;
	const struct depth_view view = {
		.number = heap->chosen,
		.snapshot = snapshot,
		.regions = &heap->regions,
		.blocks = &model->blocks,
		.cells = &model->cells,
		.sites_count = ledger->count,
		.page_bytes = heap->page_bytes,
		.is_glibc = is_glibc,
		.clock = clock,
		.unit_ns = heap->unit_ns,
	};

	if (heap->moment.kind != PROFILE_MOMENT_INDEX &&
	    heap->depth_blocks >
		    DEPTH_BLOCKS_LEAST +
			    (ledger->allocations + ledger->frees) / DEPTH_EVENTS_A_BLOCK) {
		depth_done(&heap->depth);
		return 0;
	}
	heap->depth_blocks += model->blocks.count;
	return depth_take(&heap->depth, &view);
}

static int choose(struct heap *heap, const struct snapshot *snapshot, uint64_t clock,
		  const struct model *model, bool is_glibc)
{
	size_t i = heap->count - 1;

	if (heap->snapshots[i].resident_bytes > heap->highest_resident_bytes)
		heap->highest_resident_bytes = heap->snapshots[i].resident_bytes;
	if (!profile_moment_takes(&heap->moment, heap->snapshots, i, heap->chosen,
				  heap->highest_resident_bytes))
		return 0;
	heap->chosen = i;
	return look_deeper(heap, snapshot, clock, model, is_glibc);
}

int heap_add(struct heap *heap, const struct snapshot *snapshot, uint64_t clock,
	     struct model *model)
{
	const struct ledger *ledger = &model->ledger;
	const bool is_glibc = profile_is_glibc(model->profile);
	struct profile_snapshot figures = {
		.time_ns = clock * heap->unit_ns,
		/* A newer minor version may know other reasons. */
		.reason = snapshot->head.reason <= MFT_SNAPSHOT_REQUEST
				  ? (enum mft_snapshot_reason)snapshot->head.reason
				  : MFT_SNAPSHOT_REQUEST,
		.rss_bytes = snapshot->head.rss_bytes,
		.requested_bytes = ledger->live_bytes,
		.usable_bytes = ledger->live_usable_bytes,
		.live_blocks = ledger->live_blocks,
	};
	int r = cells_refresh(&model->cells, &model->blocks);

	if (r == 0)
		r = regions_tell(&heap->regions, snapshot, &model->cells, heap->page_bytes,
				 is_glibc);
	if (r == 0)
		r = occupancy_begin(&heap->occupancy, is_glibc, ledger->count,
				    &model->cells, &model->blocks);
	if (r == 0)
		r = add_regions(heap, model, &figures);
	if (r < 0)
		return r;
	occupancy_end(&heap->occupancy);
	complete_waterfall(&figures, &heap->occupancy.sums, snapshot);
	figures.largest_free_run_bytes = heap->occupancy.longest_free;
	r = append(heap, &figures);
	if (r == 0)
		r = growth_add(&heap->growth, heap->count - 1, &figures,
			       heap->occupancy.pins, ledger->count);
	return r < 0 ? r : choose(heap, snapshot, clock, model, is_glibc);
}

bool heap_close(struct heap *heap, uint64_t end_ns, struct profile *profile)
{
	const struct profile_moment worst = {.kind = PROFILE_MOMENT_WORST};

	profile->snapshots = heap->snapshots;
	profile->snapshots_count = heap->count;
	profile->worst_snapshot = profile_find_moment(profile, &worst);
	profile->chosen_snapshot = profile_find_moment(profile, &heap->moment);
	if (heap->depth.taken && heap->depth.taken->snapshot != profile->chosen_snapshot)
		depth_done(&heap->depth);
	depth_close(&heap->depth, profile);
	growth_close(&heap->growth, end_ns, profile);
	heap->snapshots = NULL;
	heap->count = 0;
	heap->room = 0;
	return profile->depth || profile->chosen_snapshot == SIZE_MAX;
}
