/* SPDX-License-Identifier: MIT */
#include "glibcheap.h"

#include <errno.h>
#include <stdlib.h>

#include "cells.h"
#include "regions.h"
#include "snapshot.h"
#include "spans.h"

#define CHUNK_BYTES_BEFORE 16u /* a chunk's begin lies so far before its block */
#define CHUNK_BYTES_AFTER 8u   /* its end, so far before the usable end */
#define CHUNK_STRUCT_BYTES 48u /* sizeof(struct malloc_chunk) */
#define CHUNK_LEAST_BYTES 32u  /* MINSIZE */
/* A heap that is not an arena's last ends in two small chunks (sysmalloc, "fencepost"). */
#define FENCEPOST_BYTES 32u
/* An arena begins another heap where the last one cannot grow by what is asked for, which
 * is less than the size from which on blocks get mappings of their own. */
#define UNGROWN_BYTES (128u << 10)

static uint64_t chunk_end(const struct span *span)
{
	return span->end - CHUNK_BYTES_AFTER;
}

/* Resident bytes that malloc_trim returns of a free chunk [start, end). */
static uint64_t trimmed(const struct glibcheap_view *view, const struct region *region,
			uint64_t start, uint64_t end)
{
	uint64_t mask = view->page_bytes - 1;
	uint64_t first = (start + CHUNK_STRUCT_BYTES + mask) & ~mask;

	if (end <= start || end - start <= mask + CHUNK_STRUCT_BYTES || first >= end)
		return 0;
	return region_resident(region, first, first + ((end - first) & ~mask));
}

/* The same of the top of the main arena. */
static uint64_t trimmed_top(const struct glibcheap_view *view, const struct region *region,
			    uint64_t start)
{
	uint64_t mask = view->page_bytes - 1, size;

	if (region->end <= start || region->end - start <= CHUNK_LEAST_BYTES + 1)
		return 0;
	size = (region->end - start - CHUNK_LEAST_BYTES - 1) & ~mask;
	return region_resident(region, region->end - size, region->end);
}

/* The end of a heap, from where its last chunk that is not free ends. */
static uint64_t trimmed_end(const struct glibcheap_view *view, const struct region *region,
			    uint64_t start)
{
	if (region->kind == PROFILE_REGION_BRK)
		return trimmed_top(view, region, start);
	/* Of an arena's last heap it is the top. */
	if (region->end - region->start + UNGROWN_BYTES < REGIONS_ARENA_BYTES)
		return 0;
	return trimmed(view, region, start, region->end - FENCEPOST_BYTES);
}

static void look_at_blocks(const struct glibcheap_view *view, const struct region *region,
			   struct profile_heap *heap)
{
	const struct span *spans = view->spans->spans;
	size_t first = spans_find(view->spans, region->start);
	size_t last = spans_find(view->spans, region->end);
	/* The allocator's tables at the begin lie on the first page, which stays. */
	uint64_t at = region->start, mask = view->page_bytes - 1;

	heap->tail_site = SIZE_MAX;
	for (size_t i = first; i < last; i++) {
		heap->live_bytes += spans[i].size;
		heap->trim_bytes +=
			trimmed(view, region, at, spans[i].start - CHUNK_BYTES_BEFORE);
		at = chunk_end(&spans[i]);
	}
	heap->live_blocks = last - first;
	heap->trim_bytes += trimmed_end(view, region, at);
	heap->top_bytes = region_resident(region, (at + mask) & ~mask, region->end);
	if (first == last)
		return;
	heap->tail_site = spans[last - 1].site;
	heap->tail_address = spans[last - 1].start;
	heap->tail_size_bytes = spans[last - 1].size;
	heap->tail_age_ns = (view->clock - spans[last - 1].birth) * view->unit_ns;
	at = last - first > 1 ? chunk_end(&spans[last - 2]) : region->start;
	heap->tail_would_return_bytes = trimmed_top(view, region, at);
}

/* ---- Threads ----------------------------------------------------------------------- */

static int compare_ids(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

/* All threads that are known to have to do with a heap, some of them more than once. */
static size_t list_threads(const struct glibcheap_view *view, const struct region *region,
			   uint32_t *ids)
{
	size_t first = spans_find(view->spans, region->start);
	size_t last = spans_find(view->spans, region->end);
	size_t g = cells_find_group(view->cells, region->start), count = 0;

	for (size_t i = first; i < last; i++) {
		uint32_t id = view->spans->spans[i].thread;

		if (count == 0 || ids[count - 1] != id)
			ids[count++] = id;
	}
	for (; g < view->cells->groups_count; g++) {
		const struct cells_group *group = view->cells->groups[g];

		if (cells_group_start(view->cells, group) >= region->end)
			break;
		ids[count++] = group->last_thread;
	}
	return count;
}

static int look_at_threads(const struct glibcheap_view *view, const struct region *region,
			   struct profile_heap *heap)
{
	size_t blocks = spans_find(view->spans, region->end) -
			spans_find(view->spans, region->start);
	uint32_t *ids = calloc(blocks + view->cells->groups_count + 1, sizeof(*ids));
	size_t count;

	if (!ids)
		return -ENOMEM;
	count = list_threads(view, region, ids);
	qsort(ids, count, sizeof(*ids), compare_ids);
	for (size_t i = 0; i < count; i++) {
		if (i > 0 && ids[i] == ids[i - 1])
			continue;
		heap->threads++;
		heap->threads_alive += snapshot_has_thread(view->snapshot, (int32_t)ids[i]);
	}
	heap->threads_known = view->snapshot->threads_known && heap->threads > 0;
	free(ids);
	return 0;
}

int glibcheap_look(const struct glibcheap_view *view, const struct region *region,
		   struct profile_heap *ret_heap)
{
	struct profile_heap heap = {
		.kind = region->kind,
		.start = region->start,
		.end = region->end,
		.resident_bytes = region_resident(region, region->start, region->end) +
				  region->unplaced_bytes,
	};
	int r = look_at_threads(view, region, &heap);

	if (r < 0)
		return r;
	look_at_blocks(view, region, &heap);
	*ret_heap = heap;
	return 0;
}
