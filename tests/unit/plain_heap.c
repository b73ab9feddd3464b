/* SPDX-License-Identifier: MIT */
#include "plain_heap.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

uint64_t plain_heap_random(struct heap_at_hand *heap)
{
	heap->random = heap->random * 6364136223846793005u + 1442695040888963407u;
	return heap->random >> 33;
}

/* ---- Events ------------------------------------------------------------------------ */

static uint64_t some_bytes(struct heap_at_hand *heap)
{
	switch (plain_heap_random(heap) % 8) {
	case 0:
		return 4096 + plain_heap_random(heap) % 20000;
	case 1:
		return plain_heap_random(heap) % 3000;
	default:
		return plain_heap_random(heap) % 120;
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

void plain_heap_allocate(struct heap_at_hand *heap)
{
	struct block block = {0}, older;
	uint64_t slack = plain_heap_random(heap) % 24;

	block.size = some_bytes(heap);
	block.site = (uint32_t)(plain_heap_random(heap) % PLAIN_SITES);
	if (heap->odd) {
		block.address = PLAIN_START + 16 + plain_heap_random(heap) % PLAIN_BYTES;
		block.usable = block.size + slack;
	} else {
		block.address =
			PLAIN_START + 16 + (plain_heap_random(heap) % PLAIN_BYTES & ~15ull);
		block.usable = ((block.size + slack + 23) & ~15ull) - 8;
	}
	if (block.address + block.usable + 16 > PLAIN_START + PLAIN_BYTES ||
	    !is_free(heap, block.address, block.address + block.usable))
		return;
	assert_int_equal(blocks_put(&heap->blocks, &block, &older), 0);
	assert_int_equal(cells_note(&heap->cells, &block), 0);
}

void plain_heap_release(struct heap_at_hand *heap)
{
	size_t slots = blocks_slots(&heap->blocks);
	struct block block;

	if (heap->blocks.count == 0)
		return;
	for (size_t i = plain_heap_random(heap) % slots;; i = (i + 1) % slots) {
		if (heap->blocks.slots[i].address == 0)
			continue;
		assert_true(
			blocks_take(&heap->blocks, heap->blocks.slots[i].address, &block));
		cells_drop(&heap->cells, block.address);
		return;
	}
}

/* ---- Bytes ------------------------------------------------------------------------- */

void plain_heap_paint(struct heap_at_hand *heap, struct plain_heap *plain)
{
	size_t slots = blocks_slots(&heap->blocks);
	unsigned least_a_page = plain->page_bytes / PLAIN_LEAST_PAGE;

	for (size_t i = 0; i < slots; i++) {
		const struct block *block = &heap->blocks.slots[i];
		uint64_t at = block->address - PLAIN_START;
		unsigned header = block_header_bytes(block->usable);
		uint64_t asked = block->size < block->usable ? block->size : block->usable;

		if (block->address == 0 || block->usable == 0)
			continue;
		memset(plain->owner + at, (int)block->site + 1, block->usable);
		memset(plain->asked + at, 1, asked);
		memset(plain->header + at - header, 1, header);
	}
	for (unsigned i = 0; i < PLAIN_BYTES / PLAIN_LEAST_PAGE; i++) {
		bool begins = i % least_a_page == 0;

		plain->resident[i] =
			begins ? plain_heap_random(heap) % 4 != 0 : plain->resident[i - 1];
		plain->region_begins[i] = begins && plain_heap_random(heap) % 8 == 0;
	}
}

static void count_run(struct plain_heap *plain, uint64_t run)
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

static void look_at_page(struct plain_heap *plain, unsigned start, uint64_t *run)
{
	unsigned sites = 0, covered = 0, is_on[PLAIN_SITES + 1] = {0};

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
	for (unsigned k = 0; k < PLAIN_SITES; k++) {
		if (!is_on[k + 1] || covered == plain->page_bytes)
			continue;
		plain->pages_of[k]++;
		if (sites == 1)
			plain->exclusive[k] += plain->page_bytes - covered;
		else
			plain->shared[k] += (double)(plain->page_bytes - covered) / sites;
	}
}

void plain_heap_look(struct plain_heap *plain)
{
	uint64_t run = 0;

	for (unsigned at = 0; at < PLAIN_BYTES; at += plain->page_bytes) {
		const bool is_resident = plain->resident[at / PLAIN_LEAST_PAGE];

		if (!is_resident || plain->region_begins[at / PLAIN_LEAST_PAGE]) {
			count_run(plain, run);
			run = 0;
		}
		if (is_resident)
			look_at_page(plain, at, &run);
	}
	count_run(plain, run);
}
