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
#include "freespace.h"
#include "pages.h"
#include "plain_heap.h"

/* ---- Comparing --------------------------------------------------------------------- */

/* The next run of resident pages of a region from *at on; false: there is none. */
static bool next_run(const struct plain_heap *plain, unsigned *at, uint64_t *start,
		     uint64_t *end)
{
	while (*at < PLAIN_BYTES && !plain->resident[*at / PLAIN_LEAST_PAGE])
		*at += PLAIN_LEAST_PAGE;
	*start = PLAIN_START + *at;
	while (*at < PLAIN_BYTES && plain->resident[*at / PLAIN_LEAST_PAGE] &&
	       (PLAIN_START + *at == *start ||
		!plain->region_begins[*at / PLAIN_LEAST_PAGE]))
		*at += PLAIN_LEAST_PAGE;
	*end = PLAIN_START + *at;
	return *start < *end;
}

static bool begins_region(const struct plain_heap *plain, uint64_t start)
{
	return plain->region_begins[(start - PLAIN_START) / PLAIN_LEAST_PAGE];
}

static bool near(double a, double b)
{
	return a - b < 1e-6 && b - a < 1e-6;
}

static void compare_occupancy(struct heap_at_hand *heap, const struct plain_heap *plain)
{
	struct occupancy *o = &heap->occupancy;
	uint64_t start, end;
	unsigned at = 0;

	assert_int_equal(cells_refresh(&heap->cells, &heap->blocks), 0);
	assert_int_equal(occupancy_begin(o, true, PLAIN_SITES, &heap->cells, &heap->blocks),
			 0);
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
	for (unsigned k = 0; k < PLAIN_SITES; k++)
		assert_true(
			near(o->pins[k], (double)plain->exclusive[k] + plain->shared[k]));
}

static void compare_pages(struct heap_at_hand *heap, const struct plain_heap *plain)
{
	struct profile_depth depth = {.page_bytes = plain->page_bytes};
	struct profile_site sites[PLAIN_SITES] = {0};
	struct profile profile = {.sites = sites, .sites_count = PLAIN_SITES};
	struct blame blame;
	const struct pages_listener listeners[] = {{&blame, blame_part, NULL},
						   {&depth, NULL, freespace_run}};
	struct pages pages;
	uint64_t start, end;
	unsigned at = 0;

	assert_int_equal(spans_gather(&heap->spans, &heap->blocks), 0);
	assert_int_equal(blame_init(&blame, &heap->spans, PLAIN_SITES), 0);
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
	for (unsigned k = 0; k < PLAIN_SITES; k++) {
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
		struct plain_heap *plain = calloc(1, sizeof(*plain));
		/* Now and then so many that marking them is given up. */
		unsigned events = round % 17 == 5 ? 6000 : plain_heap_random(&heap) % 60;

		assert_non_null(plain);
		plain->page_bytes = page_bytes;
		for (unsigned i = 0; i < events; i++) {
			/* Fuller and emptier in turn. */
			if (plain_heap_random(&heap) % 100 < (round / 40 % 2 ? 60 : 40))
				plain_heap_release(&heap);
			else
				plain_heap_allocate(&heap);
		}
		plain_heap_paint(&heap, plain);
		plain_heap_look(plain);
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
		{.address = PLAIN_START + 64, .size = 10000, .usable = 10008, .site = 1},
		{.address = PLAIN_START + 80, .size = 100, .usable = 104, .site = 2},
		{.address = PLAIN_START + 4096 + 16,
		 .size = 8000,
		 .usable = 8008,
		 .site = 3},
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
	assert_int_equal(
		occupancy_add_run(&heap.occupancy, PLAIN_START, PLAIN_START + 4 * 4096), 0);
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
	struct block block = {.address = PLAIN_START + 4096 + 2048,
			      .size = 100,
			      .usable = 104,
			      .site = 2};
	struct block older;

	(void)state;
	cells_init(&heap.cells, 4096);
	assert_int_equal(blocks_put(&heap.blocks, &block, &older), 0);
	block.site = 1;
	for (unsigned round = 0; round < 3; round++) {
		struct occupancy *o = &heap.occupancy;
		const uint64_t into = 512 + 256 * round;

		block.address = PLAIN_START + 16;
		block.size = block.usable = 4096 - 16 + into;
		assert_int_equal(blocks_put(&heap.blocks, &block, &older), round > 0);
		assert_int_equal(cells_note(&heap.cells, &block), 0);
		assert_int_equal(cells_refresh(&heap.cells, &heap.blocks), 0);
		assert_int_equal(occupancy_begin(o, false, 4, &heap.cells, &heap.blocks),
				 0);
		assert_int_equal(occupancy_add_run(o, PLAIN_START, PLAIN_START + 2 * 4096),
				 0);
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
		.address = PLAIN_START + 2048, .size = 200000, .usable = 200008, .site = 1};
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
		assert_int_equal(occupancy_add_run(o, PLAIN_START, PLAIN_START + 64 * 4096),
				 0);
		occupancy_end(o);
		assert_true(o->sums.covered == covered);
		assert_true(o->sums.asked == covered - 8 - 4 * round);
		block.address = PLAIN_START + 16 + 256 * round;
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
