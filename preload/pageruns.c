/* SPDX-License-Identifier: MIT */
#include "pageruns.h"

#include <stddef.h>

#include "pagescan.h"
#include "process.h"
#include "recorder.h"
#include "sys.h"

/* Bits of a pagemap entry: Documentation/admin-guide/mm/pagemap.rst. */
#define PAGE_PRESENT (1ull << 63)
#define PAGE_OF_FILE (1ull << 61)
#define PAGE_EXCLUSIVE (1ull << 56) /* of an anonymous page: no other process has it */

/* Working space. */
static struct {
	uint64_t pages[4096];
	uint8_t runs[16 * 1024 + MFT_ENCODE_SLACK];
} space;

void pageruns_touch(void)
{
	for (size_t i = 0; i < sizeof(space); i += process.dump.header->page_bytes)
		((volatile uint8_t *)&space)[i] = 0;
}

static bool put_map(struct recorder *r, const struct mft_snapshot_map *map)
{
	return recorder_room(r, map->runs.length + 64) &&
	       mft_put_snapshot_map(&r->encoder, map) == 0;
}

/* Pages of one mapping as they are looked at, from start on. */
struct run_writer {
	struct recorder *recorder;
	enum mft_map_kind kind;
	bool nothing_shared;
	uintptr_t start;	  /* of what was not yet put */
	uintptr_t position;	  /* of the next page */
	uint64_t absent, present; /* the pair of runs at hand, pages */
	uint64_t resident_pages;
	uint8_t *runs; /* end of the encoded pairs */
	bool complete;
};

static void end_pair(struct run_writer *w)
{
	if (w->absent == 0 && w->present == 0)
		return;
	w->runs = mft_put_varint(w->runs, w->absent);
	w->runs = mft_put_varint(w->runs, w->present);
	w->absent = w->present = 0;
}

static void put_part(struct run_writer *w, size_t page_bytes)
{
	struct mft_snapshot_map map = {.kind = w->kind,
				       .start = w->start,
				       .length = w->position - w->start,
				       .resident_bytes = w->resident_pages * page_bytes};

	end_pair(w);
	map.runs = (struct mft_bytes){space.runs, (size_t)(w->runs - space.runs)};
	w->complete &= put_map(w->recorder, &map);
	w->start = w->position;
	w->resident_pages = 0;
	w->runs = space.runs;
}

static void add_pages(struct run_writer *w, bool present, uint64_t pages, size_t page_bytes)
{
	if (pages == 0)
		return;
	if (present) {
		w->present += pages;
		w->resident_pages += pages;
	} else {
		if (w->present) {
			end_pair(w);
			if (w->runs > space.runs + sizeof(space.runs) - 64)
				put_part(w, page_bytes);
		}
		w->absent += pages;
	}
	w->position += pages * page_bytes;
}

/* Whether a page is the process's own, so that RSS counts it: of a file's private mapping
 * the copies are; and a page that was read before anything was written to it is the one
 * page of zeros that all processes have. That one looks like a page shared with a forked
 * process, so it can be told only where nothing is shared. */
static bool is_own_page(const struct run_writer *w, uint64_t entry)
{
	if (!(entry & PAGE_PRESENT) || w->kind == MFT_MAP_OWN_FILE)
		return entry & PAGE_PRESENT;
	if (entry & PAGE_OF_FILE)
		return w->kind != MFT_MAP_FILE;
	return (entry & PAGE_EXCLUSIVE) || !w->nothing_shared;
}

static bool can_scan(int pagemap, const struct pageruns_mapping *mapping)
{
	struct pagescan_run run;
	uintptr_t position;

	return pagescan(pagemap, mapping->start, mapping->end, &run, 1, &position) >= 0;
}

/* The same for a mapping that is too large to look at each page. */
static bool look_at_large(struct recorder *r, int pagemap,
			  const struct pageruns_mapping *mapping)
{
	const size_t page_bytes = process.dump.header->page_bytes;
	struct pagescan_run *runs = (void *)space.pages;
	struct run_writer w = {.recorder = r,
			       .kind = mapping->kind,
			       .start = mapping->start,
			       .position = mapping->start,
			       .runs = space.runs,
			       .complete = true};

	for (uintptr_t from = mapping->start; from < mapping->end;) {
		long count = pagescan(pagemap, from, mapping->end, runs,
				      sizeof(space.pages) / (sizeof(*runs)), &from);

		if (count < 0)
			return false;
		for (long i = 0; i < count; i++) {
			add_pages(&w, false, (runs[i].start - w.position) / page_bytes,
				  page_bytes);
			add_pages(&w, true, (runs[i].end - runs[i].start) / page_bytes,
				  page_bytes);
		}
	}
	if (w.runs == space.runs && !w.present)
		return w.complete; /* nothing, or nothing more */
	put_part(&w, page_bytes);
	return w.complete;
}

bool pageruns_put(struct recorder *r, int pagemap, const struct pageruns_mapping *mapping,
		  bool nothing_shared)
{
	const size_t page_bytes = process.dump.header->page_bytes;
	const bool with_runs =
		mapping->kind != MFT_MAP_FILE && mapping->kind != MFT_MAP_OWN_FILE;
	struct run_writer w = {.recorder = r,
			       .kind = mapping->kind,
			       .nothing_shared = nothing_shared,
			       .start = mapping->start,
			       .position = mapping->start,
			       .runs = space.runs,
			       .complete = true};

	if (with_runs && mapping->end - mapping->start >= PAGESCAN_BYTES_LEAST) {
		if (can_scan(pagemap, mapping))
			return look_at_large(r, pagemap, mapping);
		if (mapping->end - mapping->start > PAGESCAN_BYTES_WITHOUT)
			return true;
	}
	while (w.position < mapping->end) {
		size_t pages = (mapping->end - w.position) / page_bytes;
		long got;

		if (pages > sizeof(space.pages) / sizeof(space.pages[0]))
			pages = sizeof(space.pages) / sizeof(space.pages[0]);
		got = SYS4(SYS_pread64, pagemap, space.pages,
			   pages * sizeof(space.pages[0]),
			   w.position / page_bytes * sizeof(space.pages[0]));
		if (got < (long)sizeof(space.pages[0]))
			return false;
		for (size_t i = 0; i < (size_t)got / sizeof(space.pages[0]); i++) {
			bool present = is_own_page(&w, space.pages[i]);

			if (with_runs) {
				add_pages(&w, present, 1, page_bytes);
			} else {
				w.resident_pages += present;
				w.position += page_bytes;
			}
		}
	}
	if (!with_runs && w.resident_pages == 0)
		return true;
	put_part(&w, page_bytes);
	return w.complete;
}
