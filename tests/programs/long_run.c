/* SPDX-License-Identifier: MIT */
/*
 * long_run EVENTS [PLUGIN]: allocations, releases and reallocs of all kinds at 24 call
 * sites, in waves of which the third is the highest; knows what each site held at the peak,
 * and which blocks were temporary. With PLUGIN, a library, it also loads that now and then,
 * has it allocate a block and unloads it; the loader allocates too, so the peak is not told
 * then. The same arguments make the same events.
 */
#include <dlfcn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "plugin.h"
#include "truth.h"

#define SITES 24
#define SLOTS 6000u
#define WAVES 10u
#define LOADS 40u

struct site {
	void *(*allocate)(void *block, size_t size);
	const char *function;
	struct truth_count count;
	uint64_t temporary, peak_bytes, peak_blocks;
};

struct slot {
	void *memory;
	size_t size;
	unsigned site;
	uint64_t number; /* of its allocation */
};

static struct site sites[SITES];
static struct slot slots[SLOTS];
static uint64_t events, allocations, failed, live_bytes, live_blocks;
static uint64_t peak_bytes, peak_blocks, random_state = 7;

static void *posix_aligned(size_t size)
{
	void *block = NULL;

	return posix_memalign(&block, 64, size) ? NULL : block;
}

/* A function that allocates, and resizes what it has allocated. */
#define SITE(n, expression)                                                                \
	static TRUTH_SITE void *run_##n(void *block, size_t size)                          \
	{                                                                                  \
		return block ? realloc(block, size) : (expression);                        \
	}
#define SITES_OF(n)                                                                        \
	SITE(n##0, malloc(size))                                                           \
	SITE(n##1, calloc(1, size))                                                        \
	SITE(n##2, realloc(NULL, size))                                                    \
	SITE(n##3, aligned_alloc(32, size))                                                \
	SITE(n##4, posix_aligned(size))                                                    \
	SITE(n##5, reallocarray(NULL, 1, size))
SITES_OF(a)
SITES_OF(b)
SITES_OF(c)
SITES_OF(d)

#define ENTRY(n)                                                                           \
	{                                                                                  \
		.allocate = run_##n, .function = "run_" #n                                 \
	}
#define ENTRIES_OF(n)                                                                      \
	ENTRY(n##0), ENTRY(n##1), ENTRY(n##2), ENTRY(n##3), ENTRY(n##4), ENTRY(n##5)
static struct site sites[SITES] = {ENTRIES_OF(a), ENTRIES_OF(b), ENTRIES_OF(c),
				   ENTRIES_OF(d)};

static unsigned choose(unsigned below)
{
	random_state = random_state * 6364136223846793005ull + 1442695040888963407ull;
	return (unsigned)(random_state >> 33) % below;
}

static void note_acquired(struct slot *slot)
{
	truth_allocated(&sites[slot->site].count, slot->size);
	slot->number = ++allocations;
	live_bytes += slot->size;
	live_blocks++;
	events++;
	if (live_bytes <= peak_bytes)
		return;
	peak_bytes = live_bytes;
	peak_blocks = live_blocks;
	for (int i = 0; i < SITES; i++) {
		sites[i].peak_bytes = sites[i].count.live_bytes;
		sites[i].peak_blocks = sites[i].count.live_blocks;
	}
}

static void note_released(struct slot *slot, bool freed)
{
	truth_freed(&sites[slot->site].count, slot->size);
	sites[slot->site].temporary += freed && slot->number == allocations;
	live_bytes -= slot->size;
	live_blocks--;
	events++;
}

static void acquire(struct slot *slot, size_t size)
{
	slot->site = choose(SITES);
	slot->size = size;
	slot->memory = sites[slot->site].allocate(NULL, size);
	if (!slot->memory)
		abort();
	note_acquired(slot);
}

static void release(struct slot *slot)
{
	free(slot->memory);
	note_released(slot, true);
	slot->memory = NULL;
}

/* Moves, shrinks or grows a block; or cannot; or frees it. */
static void resize(struct slot *slot)
{
	unsigned site = slot->site, way = choose(40);
	size_t size = 1 + choose(3000);
	void *block;

	if (way == 0) {
		block = sites[site].allocate(slot->memory, SIZE_MAX / 4);
		if (block)
			abort();
		failed++;
	} else if (way == 1) {
		(void)!realloc(slot->memory, 0);
		note_released(slot, true);
		slot->memory = NULL;
	} else {
		block = sites[site].allocate(slot->memory, size);
		if (!block)
			abort();
		note_released(slot, false);
		slot->memory = block;
		slot->size = size;
		note_acquired(slot);
	}
}

static void load(const char *path, struct truth_count *count)
{
	void *library = dlopen(path, RTLD_NOW);
	const struct plugin *loaded = library ? dlsym(library, "plugin") : NULL;

	if (!loaded || !loaded->allocate(100))
		abort();
	truth_allocated(count, 100);
	if (dlclose(library))
		abort();
}

static void report(const struct truth_count *from_plugin)
{
	for (int i = 0; i < SITES; i++) {
		const struct site *site = &sites[i];
		char extra[160];

		if (from_plugin)
			snprintf(extra, sizeof(extra), "\"temporary\": %llu",
				 (unsigned long long)site->temporary);
		else
			snprintf(extra, sizeof(extra),
				 "\"temporary\": %llu, \"peak_bytes\": %llu, "
				 "\"peak_blocks\": %llu",
				 (unsigned long long)site->temporary,
				 (unsigned long long)site->peak_bytes,
				 (unsigned long long)site->peak_blocks);
		truth_site(site->function, &site->count, extra);
	}
	if (from_plugin)
		truth_site("plugin_a_allocate", from_plugin, NULL);
	truth_number("peak_bytes", (long long)peak_bytes);
	truth_number("peak_blocks", (long long)peak_blocks);
	truth_number("live_bytes", (long long)live_bytes);
	truth_number("live_blocks", (long long)live_blocks);
	truth_number("failed", (long long)failed);
	truth_number("events", (long long)events);
	truth_print();
}

int main(int argc, char **argv)
{
	/* How many of ten choices fill an empty slot: waves of different heights. */
	static const unsigned fills[WAVES] = {6, 4, 9, 2, 7, 3, 8, 2, 7, 5};
	const uint64_t most = argc > 1 ? strtoull(argv[1], NULL, 10) : 0;
	struct truth_count from_plugin = {0};
	uint64_t loads = 0;

	if (most < WAVES)
		return 2;
	while (events < most) {
		unsigned fill = fills[events * WAVES / most];
		struct slot *slot = &slots[choose(SLOTS)];

		if (!slot->memory) {
			if (choose(10) < fill)
				acquire(slot, 1 + choose(fill * 200));
		} else if (choose(10) < 3) {
			resize(slot);
		} else if (choose(10) >= fill) {
			release(slot);
		}
		if (choose(4) == 0) {
			struct slot brief;

			acquire(&brief, 1 + choose(100));
			release(&brief);
		}
		if (argc > 2 && events * LOADS / most > loads) {
			loads++;
			load(argv[2], &from_plugin);
		}
	}
	report(argc > 2 ? &from_plugin : NULL);
	return 0;
}
