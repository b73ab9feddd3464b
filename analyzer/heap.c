/* SPDX-License-Identifier: MIT */
#include "heap.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Without memory for a new entry uthash must tell, not exit. */
#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#include "ledger.h"
#include "snapshot.h"

/* Below this the start-up of any program looks fragmented. */
#define TELLING_RESIDENT_BYTES (1u << 20)

struct heap_known {
	uint64_t start;
	UT_hash_handle hh;
};

void heap_init(struct heap *heap, uint32_t page_bytes)
{
	memset(heap, 0, sizeof(*heap));
	heap->page_bytes = page_bytes;
	heap->worst = SIZE_MAX;
}

void heap_done(struct heap *heap)
{
	struct heap_known *entry, *next;

	HASH_ITER (hh, heap->known, entry, next) {
		HASH_DEL(heap->known, entry);
		free(entry);
	}
	spans_done(&heap->spans);
	free(heap->snapshots);
	free(heap->pins.exclusive);
	free(heap->pins.shared);
	memset(heap, 0, sizeof(*heap));
}

/* Sets *ret_is to whether the allocator serves blocks from a mapping. */
static int is_allocators(struct heap *heap, const struct snapshot_mapping *mapping,
			 bool *ret_is)
{
	const struct spans *spans = &heap->spans;
	size_t first = spans_find(spans, mapping->start);
	struct heap_known *entry;

	*ret_is = true;
	if (mapping->kind == MFT_MAP_BRK)
		return 0;
	HASH_FIND(hh, heap->known, &mapping->start, sizeof(mapping->start), entry);
	if (entry)
		return 0;
	*ret_is = first < spans->count && spans->spans[first].start < mapping->end;
	if (!*ret_is)
		return 0;
	entry = calloc(1, sizeof(*entry));
	if (!entry)
		return -ENOMEM;
	entry->start = mapping->start;
	HASH_ADD(hh, heap->known, start, sizeof(entry->start), entry);
	if (!entry->hh.tbl) {
		free(entry);
		return -ENOMEM;
	}
	return 0;
}

/* Bytes of blocks that begin in a mapping; of it all that is known where it is not known
 * which pages are resident. */
static uint64_t bytes_within(const struct spans *spans,
			     const struct snapshot_mapping *mapping)
{
	uint64_t bytes = 0;

	for (size_t i = spans_find(spans, mapping->start);
	     i < spans->count && spans->spans[i].start < mapping->end; i++)
		bytes += spans->spans[i].end - spans->spans[i].start;
	return bytes;
}

/* Sweeps over the pages of all mappings of the allocator. */
static int sweep(struct heap *heap, const struct snapshot *snapshot, struct pages *pages,
		 struct profile_snapshot *figures)
{
	figures->resident_bytes = 0;
	figures->free_bytes = 0;
	for (size_t m = 0; m < snapshot->mappings_count; m++) {
		const struct snapshot_mapping *mapping = &snapshot->mappings[m];
		uint64_t covered = pages->covered_bytes, resident = 0, unplaced;
		bool is;
		int r = is_allocators(heap, mapping, &is);

		if (r < 0)
			return r;
		if (!is)
			continue;
		pages_begin_mapping(pages);
		for (size_t i = 0; i < mapping->runs; i++) {
			const struct snapshot_run *run =
				&snapshot->runs[mapping->first_run + i];

			pages_add_run(pages, &heap->spans, run->start, run->end);
			resident += run->end - run->start;
		}
		covered = pages->covered_bytes - covered;
		figures->resident_bytes += resident + mapping->unplaced_bytes;
		figures->free_bytes += resident - covered;
		if (mapping->unplaced_bytes > 0) {
			unplaced = bytes_within(&heap->spans, mapping) - covered;
			if (unplaced < mapping->unplaced_bytes)
				figures->free_bytes += mapping->unplaced_bytes - unplaced;
		}
	}
	figures->pinned_bytes = pages->pinned_bytes;
	figures->largest_free_run_bytes = pages->largest_free_run_bytes;
	memcpy(figures->page_occupancy, pages->occupancy, sizeof(pages->occupancy));
	return 0;
}

static int rank(const struct profile_snapshot *s)
{
	if (s->resident_bytes >= TELLING_RESIDENT_BYTES)
		return 2;
	return s->reason == MFT_SNAPSHOT_EXIT;
}

static bool is_worse(const struct profile_snapshot *a, const struct profile_snapshot *b)
{
	if (rank(a) != rank(b))
		return rank(a) > rank(b);
	return (double)a->requested_bytes / (double)a->resident_bytes <
	       (double)b->requested_bytes / (double)b->resident_bytes;
}

/* Sweeps again, asking whose blocks pin what. Most snapshots are not the worst so far. */
static int blame(struct heap *heap, const struct snapshot *snapshot, size_t sites_count)
{
	struct pages_pins pins = {
		.exclusive = calloc(sites_count + 1, sizeof(*pins.exclusive)),
		.shared = calloc(sites_count + 1, sizeof(*pins.shared)),
	};
	struct profile_snapshot ignored;
	struct pages pages;
	int r = -ENOMEM;

	if (pins.exclusive && pins.shared)
		r = pages_init(&pages, heap->page_bytes, &pins, sites_count);
	if (r == 0) {
		r = sweep(heap, snapshot, &pages, &ignored);
		pages_done(&pages);
	}
	if (r < 0) {
		free(pins.exclusive);
		free(pins.shared);
		return r;
	}
	free(heap->pins.exclusive);
	free(heap->pins.shared);
	heap->pins = pins;
	heap->pins_count = sites_count;
	return 0;
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

int heap_add(struct heap *heap, const struct snapshot *snapshot, uint64_t time_ns,
	     const struct blocks *blocks, const struct ledger *ledger)
{
	struct profile_snapshot figures = {
		.time_ns = time_ns,
		/* A newer minor version may know other reasons. */
		.reason = snapshot->head.reason <= MFT_SNAPSHOT_REQUEST
				  ? (enum mft_snapshot_reason)snapshot->head.reason
				  : MFT_SNAPSHOT_REQUEST,
		.rss_bytes = snapshot->head.rss_bytes,
		.requested_bytes = ledger->live_bytes,
		.usable_bytes = ledger->live_usable_bytes,
		.live_blocks = ledger->live_blocks,
	};
	struct pages pages;
	int r = spans_gather(&heap->spans, blocks);

	if (r == 0)
		r = pages_init(&pages, heap->page_bytes, NULL, 0);
	if (r < 0)
		return r;
	r = sweep(heap, snapshot, &pages, &figures);
	pages_done(&pages);
	if (r == 0)
		r = append(heap, &figures);
	if (r < 0 || figures.resident_bytes == 0)
		return r;
	if (heap->worst != SIZE_MAX && !is_worse(&figures, &heap->snapshots[heap->worst]))
		return 0;
	heap->worst = heap->count - 1;
	return blame(heap, snapshot, ledger->count);
}

void heap_close(struct heap *heap, struct profile *profile)
{
	profile->snapshots = heap->snapshots;
	profile->snapshots_count = heap->count;
	profile->worst_snapshot = heap->worst;
	for (size_t i = 0; i < heap->pins_count; i++) {
		profile->sites[i].pinned_exclusive_bytes = heap->pins.exclusive[i];
		profile->sites[i].pinned_shared_bytes = heap->pins.shared[i];
	}
	heap->snapshots = NULL;
	heap->count = 0;
	heap->room = 0;
}
