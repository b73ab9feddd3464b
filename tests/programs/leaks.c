/* SPDX-License-Identifier: MIT */
/*
 * Leaves known blocks unfreed at known call sites, one of them reached on two ways, and
 * knows the mean size and the success rate of all its allocations.
 */
#include <malloc.h>
#include <stdint.h>
#include <stdlib.h>

#include "truth.h"

static struct truth_count every, direct, shared_left, shared_right, clean;
static uint64_t usable;
static long long failed;

static TRUTH_SITE void *shared_site(size_t size)
{
	return malloc(size);
}

static TRUTH_SITE void *way_left(size_t size)
{
	return shared_site(size);
}

static TRUTH_SITE void *way_right(size_t size)
{
	return shared_site(size);
}

static TRUTH_SITE void *leak_directly(size_t size)
{
	return calloc(3, size);
}

static TRUTH_SITE void *freed_properly(size_t size)
{
	return malloc(size);
}

static void *keep(void *block, struct truth_count *count, size_t size)
{
	static void *volatile kept;

	kept = block;
	truth_allocated(count, size);
	truth_allocated(&every, size);
	usable += malloc_usable_size(kept);
	return block;
}

static TRUTH_SITE void *impossible(size_t size)
{
	volatile size_t too_much = PTRDIFF_MAX - size;

	return malloc(too_much);
}

int main(void)
{
	for (size_t i = 1; i <= 100; i++) {
		keep(shared_site(1000 + i), &shared_left, 1000 + i);
		keep(way_left(i), &shared_left, i);
		keep(way_right(2 * i), &shared_right, 2 * i);
		keep(leak_directly(i), &direct, 3 * i);
		failed += impossible(i) == NULL;
	}
	for (size_t i = 1; i <= 1000; i++) {
		void *block = keep(freed_properly(i), &clean, i);

		usable -= malloc_usable_size(block);
		free(block);
		truth_freed(&clean, i);
		truth_freed(&every, i);
	}
	/* The shared site's counts are those of both ways and of the direct calls. */
	shared_left.allocations += shared_right.allocations;
	shared_left.allocated_bytes += shared_right.allocated_bytes;
	shared_left.live_blocks += shared_right.live_blocks;
	shared_left.live_bytes += shared_right.live_bytes;
	truth_site("shared_site", &shared_left, NULL);
	truth_site("way_right", &shared_right, NULL);
	truth_site("leak_directly", &direct, NULL);
	truth_site("freed_properly", &clean, NULL);
	truth_number("allocations", (long long)every.allocations);
	truth_number("allocated_bytes", (long long)every.allocated_bytes);
	truth_number("live_blocks", (long long)every.live_blocks);
	truth_number("live_bytes", (long long)every.live_bytes);
	truth_number("usable_bytes", (long long)usable);
	truth_number("failed", failed);
	truth_print();
	return 0;
}
