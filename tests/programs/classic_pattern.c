/* SPDX-License-Identifier: MIT */
/*
 * classic_pattern fixed|varying|random|cycles: one of the four classic ways to use a heap.
 * At its end, when nothing is allocated any more, it measures the fragmentation of its heap
 * from malloc_usable_size and /proc/self/pagemap; the exit snapshot must agree.
 *
 * Two sites allocate: one whose blocks mostly stay, one whose blocks mostly go. All blocks
 * are smaller than what malloc maps for itself, so that all lie in one heap.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "heap_pages.h"
#include "truth.h"

#define BLOCKS 20000
#define IMPOSSIBLE 125

static struct block {
	void *memory;
	size_t size;
	int site;
} blocks[BLOCKS];

static struct truth_count counts[HEAP_PAGES_SITES];
static long long failed;
static uint64_t random_state = 42;
static uint64_t live_bytes, peak_bytes;

static TRUTH_SITE void *keeper(size_t size)
{
	return malloc(size);
}

static TRUTH_SITE void *passer(size_t size)
{
	return malloc(size);
}

static size_t random_below(size_t limit)
{
	random_state = random_state * 6364136223846793005ull + 1442695040888963407ull;
	return (random_state >> 33) % limit;
}

static void allocate(size_t index, size_t size, int site)
{
	struct block *block = &blocks[index];

	block->memory = site ? passer(size) : keeper(size);
	block->size = size;
	block->site = site;
	memset(block->memory, 'x', size);
	truth_allocated(&counts[site], size);
	live_bytes += size;
	if (live_bytes > peak_bytes)
		peak_bytes = live_bytes;
}

static void release(size_t index)
{
	struct block *block = &blocks[index];

	if (!block->memory)
		return;
	free(block->memory);
	block->memory = NULL;
	truth_freed(&counts[block->site], block->size);
	live_bytes -= block->size;
}

/* Blocks of one size; all of one site go, and every third of the other. */
static void fixed(void)
{
	for (size_t i = 0; i < BLOCKS; i++)
		allocate(i, 96, i % 5 != 0);
	for (size_t i = 0; i < BLOCKS; i++)
		if (i % 5 != 0 || i % 3 == 0)
			release(i);
}

/* Sizes that grow from 16 bytes to 4 KiB again and again. */
static void varying(void)
{
	for (size_t i = 0; i < BLOCKS / 4; i++)
		allocate(i, (size_t)16 << i % 9, i % 7 != 0);
	for (size_t i = 0; i < BLOCKS / 4; i++)
		if (i % 4 != 1)
			release(i);
}

static void random_sizes(void)
{
	for (size_t i = 0; i < BLOCKS / 4; i++)
		allocate(i, 1 + random_below(8000), random_below(10) != 0);
	for (size_t i = 0; i < BLOCKS / 4; i++)
		if (random_below(10) < 7)
			release(i);
}

/* Fills and empties a part of the heap over and over; little is left each time. */
static void cycles(void)
{
	for (size_t cycle = 0; cycle < 40; cycle++) {
		size_t first = cycle * 20;

		for (size_t i = 0; i < 1000; i++)
			allocate(first + i, 100 + random_below(900), i % 20 != 0);
		for (size_t i = 20; i < 1000; i++)
			release(first + i);
	}
}

static TRUTH_SITE void ask_for_the_impossible(void)
{
	volatile size_t huge = PTRDIFF_MAX;

	for (int i = 0; i < IMPOSSIBLE; i++)
		failed += malloc(huge) == NULL;
}

static void report(const struct heap_pages *pages)
{
	static const char *const names[HEAP_PAGES_SITES] = {"keeper", "passer"};
	char occupancy[256];
	int length = 0;

	for (int i = 0; i < 11; i++)
		length += snprintf(occupancy + length, sizeof(occupancy) - (size_t)length,
				   "%s%llu", i ? ", " : "[",
				   (unsigned long long)pages->page_occupancy[i]);
	strcat(occupancy, "]");
	for (int i = 0; i < HEAP_PAGES_SITES; i++) {
		char pinned[160];

		snprintf(pinned, sizeof(pinned),
			 "\"pinned_exclusive_bytes\": %llu, \"pinned_shared_bytes\": %.3f",
			 (unsigned long long)pages->exclusive_bytes[i],
			 pages->shared_bytes[i]);
		truth_site(names[i], &counts[i], pinned);
	}
	truth_json("page_occupancy", occupancy);
	truth_number("requested_bytes", (long long)pages->requested_bytes);
	truth_number("usable_bytes", (long long)pages->usable_bytes);
	truth_number("resident_bytes", (long long)pages->resident_bytes);
	truth_number("free_bytes", (long long)pages->free_bytes);
	truth_number("largest_free_run_bytes", (long long)pages->largest_free_run_bytes);
	truth_number("pinned_bytes", (long long)pages->pinned_bytes);
	truth_number("peak_bytes", (long long)peak_bytes);
	truth_number("failed", failed);
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*run)(void);
	} patterns[] = {{"fixed", fixed},
			{"varying", varying},
			{"random", random_sizes},
			{"cycles", cycles}};
	struct heap_pages pages;

	for (size_t i = 0; i < 4; i++)
		if (argc == 2 && !strcmp(argv[1], patterns[i].name))
			patterns[i].run();
	ask_for_the_impossible();
	for (size_t i = 0; i < BLOCKS; i++)
		if (blocks[i].memory)
			heap_pages_add(blocks[i].memory, blocks[i].size, blocks[i].site);
	if (heap_pages_measure(&pages))
		return 3;
	report(&pages);
	truth_print();
	return 0;
}
