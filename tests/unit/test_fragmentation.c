/* SPDX-License-Identifier: MIT */
/* What a snapshot explains: the parts of RSS, blame, moments, growth. The heaps are small
 * enough to be worked out by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "complaint.h"
#include "dump_writer.h"
#include "heap_dump.h"
#include "profile.h"
#include "replay.h"

#define PAGE 4096u
#define HEAP 0x10000000u
#define ARENA 0x7f0000000000u
#define CLOCK_NS 64u

/* A mapping of which only the sum of resident bytes is told. */
static void put_sum(struct heap_dump *d, uint32_t kind, uint64_t start, uint64_t pages,
		    uint64_t resident_pages)
{
	const struct mft_snapshot_map map = {
		.kind = kind,
		.start = start,
		.length = pages * PAGE,
		.resident_bytes = resident_pages * PAGE,
	};

	assert_true(dump_room(d->s, 64));
	assert_int_equal(mft_put_snapshot_map(&d->s->encoder, &map), 0);
}

/* Page 0 of the heap: a block, a gap, a block. Page 1: a block that begins at its start, so
 * that its header lies on page 0. Page 2: empty. Page 3: a block's header only, which is
 * on page 4, not resident. A mapped block of 2 pages and 16 bytes' header, one page of it
 * touched; the page behind it is a neighbour's. */
static void the_parts_of_rss(void **state)
{
	struct heap_dump *d = *state;
	const struct profile_waterfall *w;
	struct profile *p;

	heap_dump_chunk(d, HEAP + 16, 1008, d->a);
	heap_dump_chunk(d, HEAP + 2064, 1008, d->b);
	heap_dump_chunk(d, HEAP + PAGE, 512, d->a);
	heap_dump_chunk(d, HEAP + 4 * PAGE, 256, d->a);
	dump_alloc(d->s, MFT_OP_MALLOC, ARENA + PAGE + 16, 2 * PAGE - 16, 2 * PAGE - 16,
		   d->b);
	heap_dump_snapshot(d, MFT_SNAPSHOT_EXIT, 40 * PAGE, 11 * PAGE);
	dump_snapshot_map(d->s, MFT_MAP_BRK, HEAP, "####.");
	dump_snapshot_map(d->s, MFT_MAP_ANON, ARENA + PAGE, "#.#");
	/* Threads' stacks: 64 KiB with the guard page, and without. */
	dump_snapshot_map(d->s, MFT_MAP_ANON, ARENA + 0x100000, ".............##");
	dump_snapshot_map(d->s, MFT_MAP_ANON, ARENA + 0x180000, "...............#");
	dump_snapshot_map(d->s, MFT_MAP_ANON, ARENA + 0x200000, "###");
	put_sum(d, MFT_MAP_STACK, ARENA + 0x300000, 10, 5);
	put_sum(d, MFT_MAP_OWN, ARENA + 0x400000, 10, 6);
	put_sum(d, MFT_MAP_OWN_FILE, ARENA + 0x500000, 10, 4);
	put_sum(d, MFT_MAP_FILE, ARENA + 0x600000, 10, 1);
	dump_snapshot_end(d->s);
	p = heap_dump_replay(d, NULL);
	w = &p->snapshots[0].waterfall;
	assert_true(w->rss_bytes == 40 * PAGE);
	assert_true(w->requested_bytes == 2 * 990 + 494 + PAGE - 16);
	assert_true(w->untouched_bytes == 238 + PAGE);
	/* Ten bytes rounded in each chunk, and the headers. */
	assert_true(w->slack_bytes == 3 * 10 + 4 * 8 + 16);
	/* Pages 0 and 1, less the headers on page 0; the mapped block's has 16 bytes, which
	 * are its header. */
	assert_true(w->pinned_free_bytes == (PAGE - 2000 - 24) + (PAGE - 504));
	assert_true(w->empty_bytes == 2 * PAGE - 8);
	assert_true(w->other_anon_bytes == 4 * PAGE);
	assert_true(w->stack_bytes == 8 * PAGE);
	assert_true(w->recorder_bytes == 10 * PAGE);
	assert_true(w->file_bytes == 7 * PAGE);
	assert_true(w->private_file_bytes == PAGE);
	assert_true(w->unexplained_bytes == 5 * PAGE);
	profile_free(p);
}

static void who_pins_how_much_since_when(void **state)
{
	struct heap_dump *d = *state;
	const struct profile_site *site;
	struct profile *p;

	heap_dump_chunk(d, HEAP + 16, 512, d->a);
	dump_clock(d->s, 100);
	heap_dump_chunk(d, HEAP + PAGE - 48, 96, d->a); /* on pages 0 and 1 */
	heap_dump_chunk(d, HEAP + 2 * PAGE + 16, 512, d->b);
	heap_dump_chunk(d, HEAP + 0x200000 + 16, 512, d->b); /* the next 2 MiB */
	dump_clock(d->s, 1000);
	heap_dump_snapshot(d, MFT_SNAPSHOT_PEAK_LIVE, 0, 0);
	dump_snapshot_map(d->s, MFT_MAP_BRK, HEAP, "###");
	dump_snapshot_end(d->s);
	dump_clock(d->s, 1000 + 1000000000 / CLOCK_NS);
	heap_dump_snapshot(d, MFT_SNAPSHOT_EXIT, 0, 0);
	dump_snapshot_map(d->s, MFT_MAP_BRK, HEAP, "###");
	dump_snapshot_map(d->s, MFT_MAP_BRK, HEAP + 0x200000, "##");
	dump_snapshot_end(d->s);
	p = heap_dump_replay(d, NULL);
	assert_int_equal(p->chosen_snapshot, 1);
	site = &p->sites[0];
	assert_true(site->pinned_exclusive_bytes == 2 * PAGE - 504 - 88);
	assert_true(site->pinned_pages == 2 && site->pinning_blocks == 2);
	assert_true(site->pinning_oldest_ns == 1000 * CLOCK_NS + 1000000000);
	assert_true(site->pinning_age_ns_sum ==
		    (double)(2 * site->pinning_oldest_ns - 100 * CLOCK_NS));
	assert_true(site->pinned_huge_exclusive_bytes == 0);
	/* What the first snapshot found held for a second, up to the other. */
	assert_true(site->pinned_byte_seconds > 0.999 * (double)(2 * PAGE - 592));
	assert_true(site->pinned_byte_seconds < 1.001 * (double)(2 * PAGE - 592));
	site = &p->sites[1];
	assert_true(site->pinned_pages == 2 && site->pinning_blocks == 2);
	/* Its own 2 MiB have two resident pages, one of them empty. */
	assert_true(site->pinned_huge_exclusive_bytes == 2 * PAGE - 504);
	profile_free(p);
}

static void the_moment_asked_for(void **state)
{
	struct heap_dump *d = *state;
	/* Blocks, and resident pages, at each snapshot. */
	static const char *const pages[] = {"##", "########", "####", "#"};
	const struct profile_moment moments[] = {
		{.kind = PROFILE_MOMENT_EXIT},
		{.kind = PROFILE_MOMENT_PEAK_LIVE},
		{.kind = PROFILE_MOMENT_PEAK_RESIDENT},
		{.kind = PROFILE_MOMENT_TIME, .time_ns = 250 * CLOCK_NS},
		{.kind = PROFILE_MOMENT_TIME, .time_ns = 0},
		{.kind = PROFILE_MOMENT_INDEX, .index = 2},
	};
	const size_t expected[] = {3, 2, 1, 2, 0, 2};
	struct complaint complaint;
	struct profile *p;

	for (unsigned i = 0; i < 4; i++) {
		dump_clock(d->s, 100 * i + 10);
		if (i < 3)
			heap_dump_chunk(d, HEAP + 16 + i * 2048, 2048, d->a);
		else
			dump_free(d->s, HEAP + 16);
		heap_dump_snapshot(d, i < 3 ? MFT_SNAPSHOT_INTERVAL : MFT_SNAPSHOT_EXIT,
				   strlen(pages[i]) * PAGE, 0);
		dump_snapshot_map(d->s, MFT_MAP_BRK, HEAP, pages[i]);
		dump_snapshot_end(d->s);
	}
	p = heap_dump_replay(d, NULL);
	profile_free(p);
	for (unsigned i = 0; i < sizeof(moments) / sizeof(moments[0]); i++) {
		assert_int_equal(replay_dump_at(d->scratch.path, &moments[i], NULL, NULL,
						&p, &complaint),
				 0);
		assert_true(p->chosen_snapshot == expected[i]);
		assert_true(p->depth->snapshot == expected[i]);
		assert_true(p->depth->pages_count == strlen(pages[expected[i]]));
		assert_true(profile_find_moment(p, &moments[i]) == expected[i]);
		profile_free(p);
	}
}

/* Too many snapshots that each might be the one: the dump is replayed again for it. */
static void a_second_replay_finds_the_same(void **state)
{
	struct heap_dump *d = *state;
	enum {
		BLOCKS = 5000,
		SNAPSHOTS = 1200
	};
	const struct profile_moment late = {.kind = PROFILE_MOMENT_TIME,
					    .time_ns = UINT64_MAX / 2};
	struct profile *p;

	for (unsigned i = 0; i < BLOCKS; i++)
		heap_dump_chunk(d, HEAP + 16 + i * 48, 48, i % 2 ? d->a : d->b);
	for (unsigned i = 0; i < SNAPSHOTS; i++) {
		heap_dump_snapshot(d, MFT_SNAPSHOT_INTERVAL, 0, 0);
		dump_snapshot_map(d->s, MFT_MAP_BRK, HEAP, "##########");
		dump_snapshot_end(d->s);
	}
	p = heap_dump_replay(d, &late);
	assert_true(p->chosen_snapshot == SNAPSHOTS - 1);
	assert_true(p->snapshots_count == SNAPSHOTS && p->allocations == BLOCKS);
	assert_non_null(p->depth);
	assert_true(p->depth->snapshot == SNAPSHOTS - 1);
	profile_free(p);
}

/* Full, then half of every page is freed, then the other half: one stretch, in which the
 * site of the half that stays grows. */
static void where_fragmentation_grew(void **state)
{
	struct heap_dump *d = *state;
	char pages[513];
	struct profile *p;

	memset(pages, '#', 512);
	pages[512] = '\0';
	for (unsigned i = 0; i < 1024; i++)
		heap_dump_chunk(d, HEAP + 16 + i * 2048, 2048, i % 2 ? d->a : d->b);
	for (unsigned step = 0; step < 3; step++) {
		dump_clock(d->s, 100 * step + 10);
		for (unsigned i = 0; step > 0 && i < 512; i++)
			if (i % 2 == step - 1)
				dump_free(d->s, HEAP + 16 + 2 * i * 2048ull);
		heap_dump_snapshot(d, MFT_SNAPSHOT_INTERVAL, 0, 0);
		dump_snapshot_map(d->s, MFT_MAP_BRK, HEAP, pages);
		dump_snapshot_end(d->s);
	}
	p = heap_dump_replay(d, NULL);
	assert_int_equal(p->growths_count, 1);
	assert_true(p->growths[0].from == 0 && p->growths[0].to == 2);
	assert_true(p->growths[0].lost_bytes == 512 * 2030);
	/* The sites are in the order of their first blocks: b, a. */
	assert_true(p->growths[0].sites[0] == 1);
	assert_true(p->growths[0].bytes[0] > 500 * 2048);
	assert_true(p->growths[0].sites[1] == SIZE_MAX);
	profile_free(p);
}

/* A damaged dump can tell of petabytes: neither time nor memory follow. */
static void more_than_there_can_be(void **state)
{
	struct heap_dump *d = *state;
	const uint64_t pages = 1ull << 48;
	uint8_t runs[32], *end = mft_put_varint(runs, 0);
	struct mft_snapshot_map map = {
		.kind = MFT_MAP_ANON,
		.start = HEAP,
		.length = pages * PAGE,
		.resident_bytes = pages * PAGE,
	};
	struct profile *p;

	end = mft_put_varint(end, pages);
	map.runs = (struct mft_bytes){runs, (size_t)(end - runs)};
	heap_dump_chunk(d, ARENA + 0xa00, 1024, d->a);
	dump_alloc(d->s, MFT_OP_MALLOC, HEAP + 16, 100, 112, d->b);
	heap_dump_snapshot(d, MFT_SNAPSHOT_EXIT, 0, 0);
	assert_true(dump_room(d->s, 128));
	assert_int_equal(mft_put_snapshot_map(&d->s->encoder, &map), 0);
	dump_snapshot_end(d->s);
	p = heap_dump_replay(d, NULL);
	assert_int_equal(p->depth->heaps_count, 1);
	assert_true(p->depth->heaps[0].start == ARENA);
	assert_true(p->depth->heaps[0].end == ARENA + (64ull << 20));
	assert_int_equal(p->depth->pages_count, 0);
	assert_true(p->sites[0].pinned_exclusive_bytes == PAGE - 1016);
	assert_true(p->sites[1].pinned_exclusive_bytes == PAGE - 112);
	profile_free(p);
}

static void free_runs_and_sizes(void **state)
{
	struct heap_dump *d = *state;
	struct profile *p;

	heap_dump_chunk(d, HEAP + 16, 1024, d->a);
	heap_dump_chunk(d, HEAP + 16 + 1024 + 160, 64, d->b);
	heap_dump_snapshot(d, MFT_SNAPSHOT_EXIT, 0, 0);
	dump_snapshot_map(d->s, MFT_MAP_BRK, HEAP, "##");
	dump_snapshot_end(d->s);
	p = heap_dump_replay(d, NULL);
	/* 16 bytes before the first block, 168 between, and the rest of two pages. */
	assert_true(p->depth->free_runs[4].count == 1);
	assert_true(p->depth->free_runs[7].count == 1);
	assert_true(p->depth->free_runs[7].bytes == 168);
	assert_true(p->depth->free_runs[12].bytes == 2 * PAGE - 16 - 1016 - 168 - 56);
	assert_true(p->depth->free_runs[12].fits == 1);
	assert_true(p->depth->free_runs[7].fits ==
		    1 + (2 * PAGE - 16 - 1016 - 168 - 56) / 128);
	assert_true(p->depth->size_classes[9].blocks == 1);
	assert_true(p->depth->size_classes[9].requested_bytes == 1006);
	assert_true(p->depth->size_classes[5].usable_bytes == 56);
	assert_true(p->depth->size_classes[5].pages == 1);
	assert_true(p->depth->size_classes[5].pinned_bytes == (PAGE - 1016 - 56) / 2.0);
	profile_free(p);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, heap_dump_begin_glibc, heap_dump_end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_parts_of_rss),		TEST(who_pins_how_much_since_when),
		TEST(the_moment_asked_for),	TEST(a_second_replay_finds_the_same),
		TEST(where_fragmentation_grew), TEST(more_than_there_can_be),
		TEST(free_runs_and_sizes),
	};

	return cmocka_run_group_tests_name("fragmentation", tests, NULL, NULL);
}
