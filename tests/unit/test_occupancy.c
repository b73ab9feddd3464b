/* SPDX-License-Identifier: MIT */
/* Both ways over the pages - by cells kept up with the events, and by all blocks in order -
 * against a heap of bytes that are looked at one by one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "blame.h"
#include "blocks.h"
#include "cells.h"
#include "freespace.h"
#include "occupancy.h"
#include "pages.h"
#include "profile.h"
#include "spans.h"

/* On both sides of where a group of cells begins. */
#define HEAP (0x40000000u - HEAP_BYTES / 2)
#define HEAP_BYTES (24u * 4096)
#define LEAST_PAGE 1024u
#define SITES 9u

/* What the bytes of a heap say. */
struct plain {
	uint8_t owner[HEAP_BYTES]; /* site + 1; 0: free */
	uint8_t asked[HEAP_BYTES];
	uint8_t header[HEAP_BYTES];
	/* By LEAST_PAGE; all of a page's are alike. */
	uint8_t resident[HEAP_BYTES / LEAST_PAGE];
	uint8_t region_begins[HEAP_BYTES / LEAST_PAGE];
	uint32_t page_bytes;
	uint64_t covered, asked_bytes, pinned, empty, headers, longest, pages[11];
	uint64_t exclusive[SITES], pages_of[SITES];
	double shared[SITES];
	struct profile_free_class free_runs[64];
};

struct heap_at_hand {
	struct blocks blocks;
	struct cells cells;
	struct occupancy occupancy;
	struct spans spans;
	uint64_t random;
	bool odd; /* addresses that are no multiples of 16 */
};

static uint64_t next_random(struct heap_at_hand *heap)
{
	heap->random = heap->random * 6364136223846793005u + 1442695040888963407u;
	return heap->random >> 33;
}

/* ---- Events ------------------------------------------------------------------------ */

static uint64_t some_bytes(struct heap_at_hand *heap)
{
	switch (next_random(heap) % 8) {
	case 0:
		return 4096 + next_random(heap) % 20000;
	case 1:
		return next_random(heap) % 3000;
	default:
		return next_random(heap) % 120;
	}
}

static bool is_free(const struct heap_at_hand *heap, uint64_t start, uint64_t end)
{
	size_t slots = blocks_slots(&heap->blocks);

	for (size_t i = 0; i < slots; i++) {
		const struct block *block = &heap->blocks.slots[i];

		if (block->address && block->address < end + 16 &&
		    start < block->address + block->usable + 16)
			return false;
	}
	return true;
}

static void allocate(struct heap_at_hand *heap)
{
	struct block block = {0}, older;
	uint64_t slack = next_random(heap) % 24;

	block.size = some_bytes(heap);
	block.site = (uint32_t)(next_random(heap) % SITES);
	if (heap->odd) {
		block.address = HEAP + 16 + next_random(heap) % HEAP_BYTES;
		block.usable = block.size + slack;
	} else {
		block.address = HEAP + 16 + (next_random(heap) % HEAP_BYTES & ~15ull);
		block.usable = ((block.size + slack + 23) & ~15ull) - 8;
	}
	if (block.address + block.usable + 16 > HEAP + HEAP_BYTES ||
	    !is_free(heap, block.address, block.address + block.usable))
		return;
	assert_int_equal(blocks_put(&heap->blocks, &block, &older), 0);
	assert_int_equal(cells_note(&heap->cells, &block), 0);
}

static void release(struct heap_at_hand *heap)
{
	size_t slots = blocks_slots(&heap->blocks);
	struct block block;

	if (heap->blocks.count == 0)
		return;
	for (size_t i = next_random(heap) % slots;; i = (i + 1) % slots) {
		if (heap->blocks.slots[i].address == 0)
			continue;
		assert_true(
			blocks_take(&heap->blocks, heap->blocks.slots[i].address, &block));
		cells_drop(&heap->cells, block.address);
		return;
	}
}

/* ---- Bytes ------------------------------------------------------------------------- */

static void paint(struct heap_at_hand *heap, struct plain *plain)
{
	size_t slots = blocks_slots(&heap->blocks);
	unsigned least_a_page = plain->page_bytes / LEAST_PAGE;

	for (size_t i = 0; i < slots; i++) {
		const struct block *block = &heap->blocks.slots[i];
		uint64_t at = block->address - HEAP;
		unsigned header = block_header_bytes(block->usable);
		uint64_t asked = block->size < block->usable ? block->size : block->usable;

		if (block->address == 0 || block->usable == 0)
			continue;
		memset(plain->owner + at, (int)block->site + 1, block->usable);
		memset(plain->asked + at, 1, asked);
		memset(plain->header + at - header, 1, header);
	}
	for (unsigned i = 0; i < HEAP_BYTES / LEAST_PAGE; i++) {
		bool begins = i % least_a_page == 0;

		plain->resident[i] =
			begins ? next_random(heap) % 4 != 0 : plain->resident[i - 1];
		plain->region_begins[i] = begins && next_random(heap) % 8 == 0;
	}
}

static void count_run(struct plain *plain, uint64_t run)
{
	unsigned class = 0;

	if (run == 0)
		return;
	while (run >> class > 1)
		class ++;
	plain->free_runs[class].count++;
	plain->free_runs[class].bytes += run;
	if (run > plain->longest)
		plain->longest = run;
}

static void look_at_page(struct plain *plain, unsigned start, uint64_t *run)
{
	unsigned sites = 0, covered = 0, is_on[SITES + 1] = {0};

	for (unsigned i = start; i < start + plain->page_bytes; i++) {
		uint8_t owner = plain->owner[i];

		if (owner) {
			count_run(plain, *run);
			*run = 0;
		} else {
			++*run;
		}
		covered += owner != 0;
		plain->asked_bytes += owner && plain->asked[i];
		plain->headers += !owner && plain->header[i];
		sites += owner && !is_on[owner];
		is_on[owner] = 1;
	}
	plain->pages[(covered * 10 + plain->page_bytes - 1) / plain->page_bytes]++;
	plain->covered += covered;
	plain->pinned += covered ? plain->page_bytes - covered : 0;
	plain->empty += covered ? 0 : plain->page_bytes;
	for (unsigned k = 0; k < SITES; k++) {
		if (!is_on[k + 1] || covered == plain->page_bytes)
			continue;
		plain->pages_of[k]++;
		if (sites == 1)
			plain->exclusive[k] += plain->page_bytes - covered;
		else
			plain->shared[k] += (double)(plain->page_bytes - covered) / sites;
	}
}

static void look_at_bytes(struct plain *plain)
{
	uint64_t run = 0;

	for (unsigned at = 0; at < HEAP_BYTES; at += plain->page_bytes) {
		const bool is_resident = plain->resident[at / LEAST_PAGE];

		if (!is_resident || plain->region_begins[at / LEAST_PAGE]) {
			count_run(plain, run);
			run = 0;
		}
		if (is_resident)
			look_at_page(plain, at, &run);
	}
	count_run(plain, run);
}

/* ---- Comparing --------------------------------------------------------------------- */

/* The next run of resident pages of a region from *at on; false: there is none. */
static bool next_run(const struct plain *plain, unsigned *at, uint64_t *start,
		     uint64_t *end)
{
	while (*at < HEAP_BYTES && !plain->resident[*at / LEAST_PAGE])
		*at += LEAST_PAGE;
	*start = HEAP + *at;
	while (*at < HEAP_BYTES && plain->resident[*at / LEAST_PAGE] &&
	       (HEAP + *at == *start || !plain->region_begins[*at / LEAST_PAGE]))
		*at += LEAST_PAGE;
	*end = HEAP + *at;
	return *start < *end;
}

static bool begins_region(const struct plain *plain, uint64_t start)
{
	return plain->region_begins[(start - HEAP) / LEAST_PAGE];
}

static bool near(double a, double b)
{
	return a - b < 1e-6 && b - a < 1e-6;
}

static void compare_occupancy(struct heap_at_hand *heap, const struct plain *plain)
{
	struct occupancy *o = &heap->occupancy;
	uint64_t start, end;
	unsigned at = 0;

	assert_int_equal(cells_refresh(&heap->cells, &heap->blocks), 0);
	assert_int_equal(occupancy_begin(o, true, SITES, &heap->cells, &heap->blocks), 0);
	while (next_run(plain, &at, &start, &end)) {
		if (begins_region(plain, start))
			occupancy_begin_region(o);
		assert_int_equal(occupancy_add_run(o, start, end), 0);
	}
	occupancy_end(o);
	assert_true(o->sums.covered == plain->covered);
	assert_true(o->sums.asked == plain->asked_bytes);
	assert_true(o->sums.pinned == plain->pinned);
	assert_true(o->sums.empty == plain->empty);
	assert_true(o->longest_free == plain->longest);
	assert_memory_equal(o->sums.pages, plain->pages, sizeof(plain->pages));
	assert_true(o->sums.headers == o->sums.pinned_headers + o->sums.empty_headers);
	/* At odd addresses there is no header that could be in the right place. */
	if (!heap->odd)
		assert_true(o->sums.headers == plain->headers);
	for (unsigned k = 0; k < SITES; k++)
		assert_true(
			near(o->pins[k], (double)plain->exclusive[k] + plain->shared[k]));
}

static void compare_pages(struct heap_at_hand *heap, const struct plain *plain)
{
	struct profile_depth depth = {.page_bytes = plain->page_bytes};
	struct profile_site sites[SITES] = {0};
	struct profile profile = {.sites = sites, .sites_count = SITES};
	struct blame blame;
	const struct pages_listener listeners[] = {{&blame, blame_part, NULL},
						   {&depth, NULL, freespace_run}};
	struct pages pages;
	uint64_t start, end;
	unsigned at = 0;

	assert_int_equal(spans_gather(&heap->spans, &heap->blocks), 0);
	assert_int_equal(blame_init(&blame, &heap->spans, SITES), 0);
	pages_init(&pages, plain->page_bytes, &heap->spans, listeners, 2);
	while (next_run(plain, &at, &start, &end)) {
		if (begins_region(plain, start))
			pages_begin_region(&pages);
		pages_add_run(&pages, start, end);
	}
	pages_begin_region(&pages);
	blame_end_region(&blame);
	blame_close(&blame, 0, 1, &profile);
	blame_done(&blame);
	for (unsigned k = 0; k < SITES; k++) {
		assert_true(sites[k].pinned_exclusive_bytes == plain->exclusive[k]);
		assert_true(near(sites[k].pinned_shared_bytes, plain->shared[k]));
		assert_true(sites[k].pinned_pages == plain->pages_of[k]);
	}
	for (unsigned c = 0; c < 64; c++) {
		assert_true(depth.free_runs[c].count == plain->free_runs[c].count);
		assert_true(depth.free_runs[c].bytes == plain->free_runs[c].bytes);
	}
}

static void churn(uint32_t page_bytes, bool odd, unsigned rounds)
{
	struct heap_at_hand heap = {.random = page_bytes + odd, .odd = odd};

	cells_init(&heap.cells, page_bytes);

	for (unsigned round = 0; round < rounds; round++) {
		struct plain *plain = calloc(1, sizeof(*plain));
		/* Now and then so many that marking them is given up. */
		unsigned events = round % 17 == 5 ? 6000 : next_random(&heap) % 60;

		assert_non_null(plain);
		plain->page_bytes = page_bytes;
		for (unsigned i = 0; i < events; i++) {
			/* Fuller and emptier in turn. */
			if (next_random(&heap) % 100 < (round / 40 % 2 ? 60 : 40))
				release(&heap);
			else
				allocate(&heap);
		}
		paint(&heap, plain);
		look_at_bytes(plain);
		compare_occupancy(&heap, plain);
		compare_pages(&heap, plain);
		free(plain);
	}
	cells_done(&heap.cells);
	occupancy_done(&heap.occupancy);
	spans_done(&heap.spans);
	blocks_done(&heap.blocks);
}

static void agrees_byte_by_byte(void **state)
{
	(void)state;
	churn(4096, false, 400);
}

static void with_larger_pages(void **state)
{
	(void)state;
	churn(8192, false, 150);
	churn(16384, false, 100);
}

static void with_smaller_pages(void **state)
{
	(void)state;
	churn(1024, false, 150);
}

/* As only a damaged dump has them, or an allocator that is not like others. */
static void at_odd_addresses(void **state)
{
	(void)state;
	churn(4096, true, 150);
}

/* The blocks of a damaged dump overlap; each byte is one block's. */
static void overlapping_blocks_count_once(void **state)
{
	static const struct block blocks[] = {
		{.address = HEAP + 64, .size = 10000, .usable = 10008, .site = 1},
		{.address = HEAP + 80, .size = 100, .usable = 104, .site = 2},
		{.address = HEAP + 4096 + 16, .size = 8000, .usable = 8008, .site = 3},
	};
	struct heap_at_hand heap = {0};
	struct block older;

	(void)state;
	cells_init(&heap.cells, 4096);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(blocks_put(&heap.blocks, &blocks[i], &older), 0);
	assert_int_equal(cells_refresh(&heap.cells, &heap.blocks), 0);
	assert_int_equal(
		occupancy_begin(&heap.occupancy, true, 4, &heap.cells, &heap.blocks), 0);
	assert_int_equal(occupancy_add_run(&heap.occupancy, HEAP, HEAP + 4 * 4096), 0);
	occupancy_end(&heap.occupancy);
	assert_true(heap.occupancy.sums.covered == 4096 + 16 + 8008 - 64);
	assert_true(heap.occupancy.sums.pinned == 3 * 4096 - (4096 + 16 + 8008 - 64));
	assert_true(heap.occupancy.pins[2] == 0);
	cells_done(&heap.cells);
	occupancy_done(&heap.occupancy);
	blocks_done(&heap.blocks);
}

/* A page on which nothing changes but how far a block of another one reaches into it. */
static void a_neighbour_reaches_further(void **state)
{
	struct heap_at_hand heap = {0};
	struct block block = {
		.address = HEAP + 4096 + 2048, .size = 100, .usable = 104, .site = 2};
	struct block older;

	(void)state;
	cells_init(&heap.cells, 4096);
	assert_int_equal(blocks_put(&heap.blocks, &block, &older), 0);
	block.site = 1;
	for (unsigned round = 0; round < 3; round++) {
		struct occupancy *o = &heap.occupancy;
		const uint64_t into = 512 + 256 * round;

		block.address = HEAP + 16;
		block.size = block.usable = 4096 - 16 + into;
		assert_int_equal(blocks_put(&heap.blocks, &block, &older), round > 0);
		assert_int_equal(cells_note(&heap.cells, &block), 0);
		assert_int_equal(cells_refresh(&heap.cells, &heap.blocks), 0);
		assert_int_equal(occupancy_begin(o, false, 4, &heap.cells, &heap.blocks),
				 0);
		assert_int_equal(occupancy_add_run(o, HEAP, HEAP + 2 * 4096), 0);
		occupancy_end(o);
		assert_true(near(o->pins[2], (double)(4096 - 104 - into) / 2));
		assert_true(near(o->pins[1], 16 + o->pins[2]));
	}
	cells_done(&heap.cells);
	occupancy_done(&heap.occupancy);
	blocks_done(&heap.blocks);
}

/* A cell goes by what it knows of its blocks, but not of one as long as this. */
static void a_long_block_stays(void **state)
{
	struct heap_at_hand heap = {0};
	struct block block = {
		.address = HEAP + 2048, .size = 200000, .usable = 200008, .site = 1};
	struct block older;
	uint64_t covered = 0;

	(void)state;
	cells_init(&heap.cells, 4096);
	for (unsigned round = 0; round < 3; round++) {
		struct occupancy *o = &heap.occupancy;

		covered += block.usable;
		assert_int_equal(blocks_put(&heap.blocks, &block, &older), 0);
		assert_int_equal(cells_note(&heap.cells, &block), 0);
		assert_int_equal(cells_refresh(&heap.cells, &heap.blocks), 0);
		assert_int_equal(occupancy_begin(o, false, 4, &heap.cells, &heap.blocks),
				 0);
		assert_int_equal(occupancy_add_run(o, HEAP, HEAP + 64 * 4096), 0);
		occupancy_end(o);
		assert_true(o->sums.covered == covered);
		assert_true(o->sums.asked == covered - 8 - 4 * round);
		block.address = HEAP + 16 + 256 * round;
		block.size = 100;
		block.usable = 104;
		block.site = 2;
	}
	cells_done(&heap.cells);
	occupancy_done(&heap.occupancy);
	blocks_done(&heap.blocks);
}

/* A block through groups in which nothing begins, and none of it left behind. */
static void a_block_over_groups(void **state)
{
	const uint64_t start = 0x40000000, end = start + (8u << 20);
	struct heap_at_hand heap = {0};
	struct occupancy *o = &heap.occupancy;
	struct block block = {.address = start + 4096 + 16, .site = 1}, older;

	(void)state;
	cells_init(&heap.cells, 4096);
	for (unsigned round = 0; round < 6; round++) {
		const uint64_t usable = (6 - round) * 1000000 + 8;

		block.usable = usable;
		block.size = usable - 8;
		assert_int_equal(blocks_put(&heap.blocks, &block, &older), 0);
		assert_int_equal(cells_note(&heap.cells, &block), 0);
		for (unsigned live = 2; live-- > 0;) {
			const uint64_t tail = -(block.address + usable) % 4096;

			assert_int_equal(cells_refresh(&heap.cells, &heap.blocks), 0);
			assert_int_equal(
				occupancy_begin(o, false, 2, &heap.cells, &heap.blocks), 0);
			assert_int_equal(occupancy_add_run(o, start, end), 0);
			occupancy_end(o);
			assert_true(o->sums.covered == live * usable);
			assert_true(o->sums.asked == live * block.size);
			assert_true(o->sums.pinned == live * (16 + tail));
			assert_true(o->sums.empty + o->sums.pinned + o->sums.covered ==
				    end - start);
			assert_true(near(o->pins[1], (double)o->sums.pinned));
			assert_true(o->longest_free ==
				    (live ? end - block.address - usable : end - start));
			if (!live)
				break;
			assert_true(blocks_take(&heap.blocks, block.address, &older));
			cells_drop(&heap.cells, block.address);
		}
	}
	cells_done(&heap.cells);
	occupancy_done(o);
	blocks_done(&heap.blocks);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(agrees_byte_by_byte),
		cmocka_unit_test(with_larger_pages),
		cmocka_unit_test(with_smaller_pages),
		cmocka_unit_test(at_odd_addresses),
		cmocka_unit_test(overlapping_blocks_count_once),
		cmocka_unit_test(a_neighbour_reaches_further),
		cmocka_unit_test(a_long_block_stays),
		cmocka_unit_test(a_block_over_groups),
	};

	return cmocka_run_group_tests_name("occupancy", tests, NULL, NULL);
}
