/* SPDX-License-Identifier: MIT */
#include "regions.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Without memory for a new entry uthash must tell, not exit. */
#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#include "cells.h"
#include "snapshot.h"

#define STACK_STEP_BYTES (64u << 10)
#define CHUNK_HEADER_BYTES 16u /* glibc's, in front of a block with its own mapping */

struct regions_known {
	uint64_t start;
	UT_hash_handle hh;
};

void regions_done(struct regions *regions)
{
	struct regions_known *entry, *next;

	HASH_ITER (hh, regions->known, entry, next) {
		HASH_DEL(regions->known, entry);
		free(entry);
	}
	free(regions->items);
	memset(regions, 0, sizeof(*regions));
}

/* ---- Runs -------------------------------------------------------------------------- */

bool region_run(const struct region *region, size_t i, struct snapshot_run *ret_run)
{
	struct snapshot_run run = region->runs[i];

	if (run.start < region->start)
		run.start = region->start;
	if (run.end > region->end)
		run.end = region->end;
	if (run.start >= run.end)
		return false;
	*ret_run = run;
	return true;
}

uint64_t region_resident(const struct region *region, uint64_t start, uint64_t end)
{
	uint64_t bytes = 0;
	size_t low = 0, high = region->runs_count;

	if (start < region->start)
		start = region->start;
	if (end > region->end)
		end = region->end;
	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (region->runs[middle].end <= start)
			low = middle + 1;
		else
			high = middle;
	}
	for (; low < region->runs_count && region->runs[low].start < end; low++) {
		uint64_t from = region->runs[low].start, to = region->runs[low].end;

		if (from < start)
			from = start;
		if (to > end)
			to = end;
		bytes += to - from;
	}
	return bytes;
}

/* ---- Kinds ------------------------------------------------------------------------- */

/* Takes note of a mapping with blocks. Returns 0 or -ENOMEM. */
static int know(struct regions *regions, uint64_t start)
{
	struct regions_known *entry = calloc(1, sizeof(*entry));

	if (!entry)
		return -ENOMEM;
	entry->start = start;
	HASH_ADD(hh, regions->known, start, sizeof(entry->start), entry);
	if (!entry->hh.tbl) {
		free(entry);
		return -ENOMEM;
	}
	return 0;
}

static bool is_known(const struct regions *regions, uint64_t start)
{
	struct regions_known *entry;

	HASH_FIND(hh, regions->known, &start, sizeof(start), entry);
	return entry != NULL;
}

static bool holds_block(const struct cells *cells, uint64_t start, uint64_t end)
{
	struct cells_place place;

	return cells_seek(cells, start, &place) && place.address < end;
}

/* Whether the addresses that an arena's heap would have reserved hold the brk heap, so that
 * chunks there are of that one. */
static bool reaches_into_brk(const struct regions *regions, uint64_t heap)
{
	return heap < regions->brk_end && regions->brk_start < heap + REGIONS_ARENA_BYTES;
}

/* The first heap of an arena that begins in [start, end): a block was once cut from it.
 * Returns end where there is none. */
static uint64_t find_arena(const struct regions *regions, const struct cells *cells,
			   uint64_t start, uint64_t end)
{
	uint64_t first = (start + REGIONS_ARENA_BYTES - 1) & ~(REGIONS_ARENA_BYTES - 1);
	size_t g = cells_find_group(cells, first);

	for (; first < end && g < cells->groups_count; g++) {
		uint64_t address = cells_group_start(cells, cells->groups[g]);
		uint64_t heap = address & ~(REGIONS_ARENA_BYTES - 1);

		/* What begins behind the end is of another mapping. */
		if (address >= end)
			break;
		if (cells->groups[g]->chunks && !reaches_into_brk(regions, heap))
			return heap;
	}
	return end;
}

/* An arena none of whose blocks lived at a snapshot: nothing else lies there by chance. */
static bool looks_like_arena(const struct regions *regions, const struct region *region,
			     uint32_t page_bytes)
{
	return region->start % REGIONS_ARENA_BYTES == 0 &&
	       !reaches_into_brk(regions, region->start) &&
	       region->end - region->start <= REGIONS_ARENA_BYTES &&
	       region_resident(region, region->start, region->start + page_bytes) > 0;
}

static bool looks_like_stack(const struct region *region, uint32_t page_bytes)
{
	uint64_t over = (region->end - region->start) % STACK_STEP_BYTES;
	struct snapshot_run run;

	if ((over != 0 && over != STACK_STEP_BYTES - page_bytes) || region->runs_count == 0)
		return false;
	return region_run(region, region->runs_count - 1, &run) && run.end == region->end &&
	       region_resident(region, region->start, region->start + page_bytes) == 0;
}

static int append(struct regions *regions, const struct region *region)
{
	if (regions->count == regions->room) {
		size_t room = regions->room ? 2 * regions->room : 32;
		struct region *items = reallocarray(regions->items, room, sizeof(*items));

		if (!items)
			return -ENOMEM;
		regions->items = items;
		regions->room = room;
	}
	regions->items[regions->count++] = *region;
	return 0;
}

/* A mapping of an allocator that is not glibc's, or of none. */
static int append_other(struct regions *regions, struct region *region,
			const struct cells *cells, uint32_t page_bytes)
{
	bool known = is_known(regions, region->start);

	if (!known && holds_block(cells, region->start, region->end)) {
		if (know(regions, region->start) < 0)
			return -ENOMEM;
		known = true;
	}
	if (known)
		region->kind = PROFILE_REGION_MAPPED;
	else if (looks_like_stack(region, page_bytes))
		region->kind = PROFILE_REGION_THREAD_STACK;
	else
		region->kind = PROFILE_REGION_OTHER;
	return append(regions, region);
}

/* ---- glibc ------------------------------------------------------------------------- */

/* Takes [rest's start, end) off it. */
static struct region split(struct region *rest, uint64_t end)
{
	struct region piece = *rest;
	size_t within = 0;

	piece.end = end;
	while (within < rest->runs_count && rest->runs[within].start < end)
		within++;
	piece.runs_count = within;
	/* The last one may belong to both. */
	if (within > 0 && rest->runs[within - 1].end > end)
		within--;
	rest->runs += within;
	rest->runs_count -= within;
	rest->start = end;
	rest->unplaced_bytes = 0;
	return piece;
}

/* A part that no block lies on. */
static int append_free(struct regions *regions, struct region *region, uint32_t page_bytes)
{
	if (looks_like_arena(regions, region, page_bytes))
		region->kind = PROFILE_REGION_ARENA;
	else if (looks_like_stack(region, page_bytes))
		region->kind = PROFILE_REGION_THREAD_STACK;
	else
		region->kind = PROFILE_REGION_OTHER;
	return append(regions, region);
}

/* Whether all blocks in a region have mappings of their own: these are whole pages, with a
 * header in front of the block and nothing behind it (malloc.c, sysmalloc_mmap). */
static bool blocks_are_mapped(const struct region *region, const struct cells *cells,
			      uint32_t page_bytes)
{
	struct cells_place place;
	uint64_t at = region->start;

	for (; cells_seek(cells, at, &place) && place.address < region->end;
	     at = place.address + page_bytes)
		if (place.cell->reach % page_bytes != 0)
			return false;
	return region->unplaced_bytes == 0;
}

/* The pages of the blocks from *at on that lie side by side; moves *at behind their
 * begins. */
static void find_mapped(const struct region *region, const struct cells *cells,
			uint32_t page_bytes, uint64_t *at, uint64_t *ret_start,
			uint64_t *ret_end)
{
	uint64_t start = region->end, end = 0;
	struct cells_place place;

	for (; cells_seek(cells, *at, &place); *at = place.address + page_bytes) {
		uint64_t from = place.address + cell_block_start(&place.cell->blocks[0]) -
				CHUNK_HEADER_BYTES;

		from &= ~(uint64_t)(page_bytes - 1);
		if (place.address >= region->end || (end > 0 && from > end))
			break;
		if (end == 0)
			start = from > region->start ? from : region->start;
		if (place.cell->reach > end)
			end = place.cell->reach < region->end ? place.cell->reach
							      : region->end;
	}
	*ret_start = start;
	*ret_end = end > start ? end : start;
}

/* A part of a mapping that is no heap of an arena. Around a block's own mapping there can
 * be neighbours of any kind. */
static int part_at_blocks(struct regions *regions, struct region rest,
			  const struct cells *cells, uint32_t page_bytes)
{
	uint64_t at = rest.start;
	int r = 0;

	if (!holds_block(cells, rest.start, rest.end))
		return append_free(regions, &rest, page_bytes);
	if (!blocks_are_mapped(&rest, cells, page_bytes)) {
		/* The main arena goes on there if brk fails. */
		rest.kind = PROFILE_REGION_MAPPED;
		return append(regions, &rest);
	}
	while (r == 0 && rest.start < rest.end) {
		uint64_t start, end;
		struct region piece;

		find_mapped(&rest, cells, page_bytes, &at, &start, &end);
		if (start > rest.start) {
			piece = split(&rest, start);
			r = append_free(regions, &piece, page_bytes);
		}
		if (r == 0 && end > start) {
			piece = split(&rest, end);
			piece.kind = PROFILE_REGION_MAPPED;
			r = append(regions, &piece);
		}
	}
	return r;
}

/* Parts a mapping at the heaps of arenas in it. */
static int part(struct regions *regions, struct region rest, const struct cells *cells,
		uint32_t page_bytes)
{
	int r = 0;

	while (r == 0 && rest.start < rest.end) {
		uint64_t heap = find_arena(regions, cells, rest.start, rest.end);
		uint64_t end;
		struct region piece;

		if (heap > rest.start) {
			piece = split(&rest, heap);
			r = part_at_blocks(regions, piece, cells, page_bytes);
			continue;
		}
		end = rest.end - heap > REGIONS_ARENA_BYTES ? heap + REGIONS_ARENA_BYTES
							    : rest.end;
		piece = split(&rest, end);
		piece.kind = PROFILE_REGION_ARENA;
		r = append(regions, &piece);
	}
	return r;
}

/* From the first mapping of the brk heap to the last. */
static void find_brk(struct regions *regions, const struct snapshot *snapshot)
{
	regions->brk_start = regions->brk_end = 0;
	for (size_t m = 0; m < snapshot->mappings_count; m++) {
		const struct snapshot_mapping *mapping = &snapshot->mappings[m];

		if (mapping->kind != MFT_MAP_BRK)
			continue;
		if (regions->brk_end == 0)
			regions->brk_start = mapping->start;
		regions->brk_end = mapping->end;
	}
}

int regions_tell(struct regions *regions, const struct snapshot *snapshot,
		 const struct cells *cells, uint32_t page_bytes, bool is_glibc)
{
	int r = 0;

	regions->count = 0;
	find_brk(regions, snapshot);
	for (size_t m = 0; r == 0 && m < snapshot->mappings_count; m++) {
		const struct snapshot_mapping *mapping = &snapshot->mappings[m];
		struct region region = {
			.start = mapping->start,
			.end = mapping->end,
			.kind = PROFILE_REGION_BRK,
			.unplaced_bytes = mapping->unplaced_bytes,
			.runs = snapshot->runs + mapping->first_run,
			.runs_count = mapping->runs,
		};

		if (mapping->kind == MFT_MAP_BRK)
			r = append(regions, &region);
		else if (is_glibc)
			r = part(regions, region, cells, page_bytes);
		else
			r = append_other(regions, &region, cells, page_bytes);
	}
	return r;
}
