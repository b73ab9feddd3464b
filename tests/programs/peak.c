/* SPDX-License-Identifier: MIT */
/*
 * Climbs to a peak of live bytes, falls, climbs to a lower one and ends in between; knows
 * the bytes and blocks that each call site held at the peak, reallocs included.
 */
#include <stdio.h>
#include <stdlib.h>

#include "truth.h"

#define SITES 3
#define BLOCKS 4000

static struct site {
	const char *function;
	struct truth_count count;
	uint64_t peak_bytes, peak_blocks;
} sites[SITES] = {{.function = "hold_small"},
		  {.function = "hold_large"},
		  {.function = "hold_growing"}};

static struct block {
	void *memory;
	size_t size;
	struct site *site;
} blocks[BLOCKS];

static uint64_t live_bytes, live_blocks, peak_bytes, peak_blocks;

static void note(struct site *site, long long bytes, int change)
{
	if (change > 0)
		truth_allocated(&site->count, (size_t)bytes);
	else
		truth_freed(&site->count, (size_t)bytes);
	live_bytes += (uint64_t)(change * bytes);
	live_blocks += (uint64_t)change;
	if (live_bytes <= peak_bytes)
		return;
	peak_bytes = live_bytes;
	peak_blocks = live_blocks;
	for (int i = 0; i < SITES; i++) {
		sites[i].peak_bytes = sites[i].count.live_bytes;
		sites[i].peak_blocks = sites[i].count.live_blocks;
	}
}

static TRUTH_SITE void hold_small(struct block *block, size_t size)
{
	block->memory = malloc(size);
}

static TRUTH_SITE void hold_large(struct block *block, size_t size)
{
	block->memory = calloc(1, size);
}

static TRUTH_SITE void hold_growing(struct block *block, size_t size)
{
	block->memory = realloc(block->memory, size);
}

static void hold(int index)
{
	struct block *block = &blocks[index];

	if (index % 7 == 0) {
		block->site = &sites[1];
		block->size = 20000 + (size_t)index;
		hold_large(block, block->size);
	} else {
		block->site = &sites[0];
		block->size = 16 + (size_t)index % 500;
		hold_small(block, block->size);
	}
	note(block->site, (long long)block->size, 1);
}

static void drop(int index)
{
	struct block *block = &blocks[index];

	free(block->memory);
	block->memory = NULL;
	note(block->site, (long long)block->size, -1);
}

/* Grows one block from nothing; its release and acquisition both move the live bytes. */
static void grow(int index, int steps)
{
	struct block *block = &blocks[index];

	block->site = &sites[2];
	for (int i = 1; i <= steps; i++) {
		if (i > 1)
			note(block->site, (long long)block->size, -1);
		block->size = 3000 * (size_t)i;
		hold_growing(block, block->size);
		note(block->site, (long long)block->size, 1);
	}
}

int main(void)
{
	grow(0, 40);
	for (int i = 1; i < BLOCKS; i++)
		hold(i);
	for (int i = BLOCKS - 1; i >= 500; i--)
		drop(i);
	for (int i = 500; i < BLOCKS / 2; i++)
		hold(i);
	for (int i = 1000; i < BLOCKS / 2; i++)
		drop(i);
	for (int i = 0; i < SITES; i++) {
		char peak[96];

		snprintf(peak, sizeof(peak), "\"peak_bytes\": %llu, \"peak_blocks\": %llu",
			 (unsigned long long)sites[i].peak_bytes,
			 (unsigned long long)sites[i].peak_blocks);
		truth_site(sites[i].function, &sites[i].count, peak);
	}
	truth_number("peak_bytes", (long long)peak_bytes);
	truth_number("peak_blocks", (long long)peak_blocks);
	truth_number("live_bytes", (long long)live_bytes);
	truth_number("live_blocks", (long long)live_blocks);
	truth_print();
	return 0;
}
