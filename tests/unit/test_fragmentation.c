/* SPDX-License-Identifier: MIT */
/* What a snapshot explains: the parts of RSS, glibc's heaps, blame, moments, growth. The
 * heaps are small enough to be worked out by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "complaint.h"
#include "dump_writer.h"
#include "profile.h"
#include "replay.h"
#include "scratch.h"

#define PAGE 4096u
#define HEAP 0x10000000u
#define ARENA 0x7f0000000000u
#define MAIN_THREAD 100
#define OTHER_THREAD 200
#define CLOCK_NS 64u

static struct scratch scratch;
static struct dump_writer writer;
static struct dump_stream *s;
static uint32_t a, b;

static int setup(void **state)
{
	(void)state;
	scratch_open(&scratch);
	assert_int_equal(dump_writer_open(&writer, scratch.path, 65536), 0);
	s = dump_writer_stream(&writer, MAIN_THREAD);
	dump_allocator(s, "/lib/x86_64-linux-gnu/libc.so.6");
	a = dump_node(s, MFT_NODE_ROOT, MFT_MODULE_NONE, 0xa);
	b = dump_node(s, MFT_NODE_ROOT, MFT_MODULE_NONE, 0xb);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	scratch_close(&scratch);
	return 0;
}

static struct profile *replay_at(const struct profile_moment *moment)
{
	struct complaint complaint;
	struct profile *profile;

	assert_int_equal(dump_writer_close(&writer, MFT_STATE_EXITED), 0);
	assert_int_equal(
		replay_dump_at(scratch.path, moment, NULL, NULL, &profile, &complaint), 0);
	assert_null(profile->damage);
	return profile;
}

static struct profile *replay(void)
{
	const struct profile_moment worst = {.kind = PROFILE_MOMENT_WORST};

	return replay_at(&worst);
}

/* A block as glibc makes it: 8 bytes short of a chunk. */
static void chunk(uint64_t address, uint64_t bytes, uint32_t node)
{
	dump_alloc(s, MFT_OP_MALLOC, address, bytes - 18, bytes - 8, node);
}

static void threads(const int32_t *ids, unsigned count)
{
	uint8_t payload[64], *p = payload;

	for (unsigned i = 0; i < count; i++)
		p = mft_put_varint(p, (uint32_t)ids[i]);
	dump_long(s, MFT_OP_SNAPSHOT_THREADS, payload, (size_t)(p - payload));
}

static void begin_snapshot(uint32_t reason, uint64_t rss_bytes, uint64_t file_bytes)
{
	const struct mft_snapshot snapshot = {
		.reason = reason, .rss_bytes = rss_bytes, .file_bytes = file_bytes};

	assert_true(dump_room(s, 64));
	assert_int_equal(mft_put_snapshot(&s->encoder, &snapshot), 0);
}

/* A mapping of which only the sum of resident bytes is told. */
static void put_sum(uint32_t kind, uint64_t start, uint64_t pages, uint64_t resident_pages)
{
	const struct mft_snapshot_map map = {
		.kind = kind,
		.start = start,
		.length = pages * PAGE,
		.resident_bytes = resident_pages * PAGE,
	};

	assert_true(dump_room(s, 64));
	assert_int_equal(mft_put_snapshot_map(&s->encoder, &map), 0);
}

/* Page 0 of the heap: a block, a gap, a block. Page 1: a block that begins at its start, so
 * that its header lies on page 0. Page 2: empty. Page 3: a block's header only, which is
 * on page 4, not resident. A mapped block of 2 pages and 16 bytes' header, one page of it
 * touched; the page behind it is a neighbour's. */
static void the_parts_of_rss(void **state)
{
	const struct profile_waterfall *w;
	struct profile *p;

	(void)state;
	chunk(HEAP + 16, 1008, a);
	chunk(HEAP + 2064, 1008, b);
	chunk(HEAP + PAGE, 512, a);
	chunk(HEAP + 4 * PAGE, 256, a);
	dump_alloc(s, MFT_OP_MALLOC, ARENA + PAGE + 16, 2 * PAGE - 16, 2 * PAGE - 16, b);
	begin_snapshot(MFT_SNAPSHOT_EXIT, 40 * PAGE, 11 * PAGE);
	dump_snapshot_map(s, MFT_MAP_BRK, HEAP, "####.");
	dump_snapshot_map(s, MFT_MAP_ANON, ARENA + PAGE, "#.#");
	/* Threads' stacks: 64 KiB with the guard page, and without. */
	dump_snapshot_map(s, MFT_MAP_ANON, ARENA + 0x100000, ".............##");
	dump_snapshot_map(s, MFT_MAP_ANON, ARENA + 0x180000, "...............#");
	dump_snapshot_map(s, MFT_MAP_ANON, ARENA + 0x200000, "###");
	put_sum(MFT_MAP_STACK, ARENA + 0x300000, 10, 5);
	put_sum(MFT_MAP_OWN, ARENA + 0x400000, 10, 6);
	put_sum(MFT_MAP_OWN_FILE, ARENA + 0x500000, 10, 4);
	put_sum(MFT_MAP_FILE, ARENA + 0x600000, 10, 1);
	dump_snapshot_end(s);
	p = replay();
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

/* From page 1 to 3 a free chunk, 5 to 7 another; behind the last block 3 more pages. */
static void what_trimming_would_return(void **state)
{
	const struct profile_heap *heap;
	struct profile *p;

	(void)state;
	chunk(HEAP + 16, PAGE, a);
	chunk(HEAP + 4 * PAGE + 16, PAGE, a);
	dump_clock(s, 10);
	chunk(HEAP + 8 * PAGE + 16, 1024, b);
	dump_clock(s, 30);
	begin_snapshot(MFT_SNAPSHOT_EXIT, 0, 0);
	dump_snapshot_map(s, MFT_MAP_BRK, HEAP, "##.#########");
	dump_snapshot_end(s);
	p = replay();
	assert_int_equal(p->depth->heaps_count, 1);
	heap = &p->depth->heaps[0];
	assert_int_equal(heap->kind, PROFILE_REGION_BRK);
	assert_true(heap->start == HEAP && heap->end == HEAP + 12 * PAGE);
	assert_true(heap->resident_bytes == 11 * PAGE && heap->live_blocks == 3);
	/* The chunks begin on pages 1 and 5, whose first bytes they keep; page 2 is not
	 * there; of the top the page that it begins on stays. */
	assert_true(heap->trim_bytes == PAGE + 2 * PAGE + 3 * PAGE);
	assert_true(p->depth->trim_would_return_bytes == heap->trim_bytes);
	assert_true(heap->top_bytes == 3 * PAGE);
	assert_true(p->sites[heap->tail_site].live_blocks == 1);
	assert_true(heap->tail_size_bytes == 1006);
	assert_true(heap->tail_age_ns == 20 * CLOCK_NS);
	/* Without it everything from page 6 on goes. */
	assert_true(heap->tail_would_return_bytes == 6 * PAGE);
	assert_false(heap->threads_known);
	profile_free(p);
}

/* The last free chunk of an arena is its top, which malloc_trim leaves alone. A heap that
 * begins within a mapping is told by its address. */
static void arenas_and_their_threads(void **state)
{
	static const int32_t alive[] = {MAIN_THREAD};
	struct dump_stream *first = s;
	const struct profile_heap *heap;
	struct profile *p;

	(void)state;
	chunk(HEAP + 16, 1024, a);
	s = dump_writer_stream(&writer, OTHER_THREAD);
	b = dump_node(s, MFT_NODE_ROOT, MFT_MODULE_NONE, 0xb);
	chunk(ARENA + 0xa00, 1024, b);
	chunk(ARENA + 4 * PAGE + 16, 1024, b);
	dump_clock(s, 10);
	s = first;
	dump_clock(s, 20);
	begin_snapshot(MFT_SNAPSHOT_EXIT, 0, 0);
	threads(alive, 1);
	dump_snapshot_map(s, MFT_MAP_BRK, HEAP, "##");
	dump_snapshot_map(s, MFT_MAP_ANON, ARENA - 2 * PAGE, "##########");
	dump_snapshot_end(s);
	p = replay();
	assert_int_equal(p->depth->heaps_count, 2);
	heap = &p->depth->heaps[0];
	assert_true(heap->threads_known && heap->threads == 1 && heap->threads_alive == 1);
	heap = &p->depth->heaps[1];
	assert_int_equal(heap->kind, PROFILE_REGION_ARENA);
	assert_true(heap->start == ARENA && heap->end == ARENA + 8 * PAGE);
	assert_true(heap->threads_known && heap->threads == 1 && heap->threads_alive == 0);
	assert_true(heap->trim_bytes == 3 * PAGE);
	assert_true(heap->top_bytes == 3 * PAGE);
	/* What lies before the heap is not the allocator's. */
	assert_true(p->snapshots[0].waterfall.other_anon_bytes == 2 * PAGE);
	assert_true(p->snapshots[0].resident_bytes == 10 * PAGE);
	profile_free(p);
}

/* A program's own memory may have any address, and so the brk heap behind it may begin in
 * what would be an arena's 64 MiB, or even its first 2 MiB. */
static void memory_before_the_heap_is_no_arena(void **state)
{
	static const uint64_t brk_starts[] = {ARENA + 16 * PAGE, ARENA + 0x1000000};
	const uint64_t border = ARENA + 0x8000000;
	struct profile *p;

	(void)state;
	/* The main arena's, when brk has failed: any mapping. */
	chunk(border + 0x400000 + 16, 1024, a);
	for (unsigned i = 0; i < 2; i++) {
		chunk(brk_starts[i] + 16, 1024, a);
		begin_snapshot(MFT_SNAPSHOT_INTERVAL, 0, 0);
		/* A variable across the border; one that begins at it. */
		dump_snapshot_map(s, MFT_MAP_ANON, ARENA - (i ? 0 : 2 * PAGE), "#####");
		dump_snapshot_map(s, MFT_MAP_BRK, brk_starts[i], "##");
		/* Across a border, too, but the chunks behind it are another mapping's. */
		dump_snapshot_map(s, MFT_MAP_ANON, border - 2 * PAGE, "####");
		dump_snapshot_map(s, MFT_MAP_ANON, border + 0x400000, "#");
		/* Memory of nobody, and an arena without blocks. */
		dump_snapshot_map(s, MFT_MAP_ANON, 2 * ARENA - 2 * PAGE, "#");
		dump_snapshot_map(s, MFT_MAP_ANON, 2 * ARENA, "##");
		dump_snapshot_end(s);
		dump_free(s, brk_starts[i] + 16);
	}
	p = replay();
	for (unsigned i = 0; i < 2; i++) {
		assert_true(p->snapshots[i].resident_bytes == 5 * PAGE);
		assert_true(p->snapshots[i].waterfall.other_anon_bytes == 10 * PAGE);
	}
	profile_free(p);
}

static void only_glibcs_heaps_are_known(void **state)
{
	struct profile *p;

	(void)state;
	assert_int_equal(dump_writer_close(&writer, MFT_STATE_EXITED), 0);
	teardown(NULL);
	scratch_open(&scratch);
	assert_int_equal(dump_writer_open(&writer, scratch.path, 65536), 0);
	s = dump_writer_stream(&writer, MAIN_THREAD);
	dump_allocator(s, "/usr/lib/x86_64-linux-gnu/libjemalloc.so.2");
	a = dump_node(s, MFT_NODE_ROOT, MFT_MODULE_NONE, 0xa);
	dump_alloc(s, MFT_OP_MALLOC, ARENA, 100, 104, a);
	begin_snapshot(MFT_SNAPSHOT_EXIT, 4 * PAGE, 0);
	dump_snapshot_map(s, MFT_MAP_ANON, ARENA, "##.#");
	dump_snapshot_end(s);
	p = replay();
	assert_int_equal(p->depth->heaps_count, 0);
	assert_true(p->snapshots[0].waterfall.slack_bytes == 4);
	assert_true(p->snapshots[0].waterfall.pinned_free_bytes == PAGE - 104);
	assert_true(p->snapshots[0].waterfall.empty_bytes == 2 * PAGE);
	assert_true(p->snapshots[0].waterfall.unexplained_bytes == PAGE);
	profile_free(p);
}

static void who_pins_how_much_since_when(void **state)
{
	const struct profile_site *site;
	struct profile *p;

	(void)state;
	chunk(HEAP + 16, 512, a);
	dump_clock(s, 100);
	chunk(HEAP + PAGE - 48, 96, a); /* on pages 0 and 1 */
	chunk(HEAP + 2 * PAGE + 16, 512, b);
	chunk(HEAP + 0x200000 + 16, 512, b); /* the next 2 MiB */
	dump_clock(s, 1000);
	begin_snapshot(MFT_SNAPSHOT_PEAK_LIVE, 0, 0);
	dump_snapshot_map(s, MFT_MAP_BRK, HEAP, "###");
	dump_snapshot_end(s);
	dump_clock(s, 1000 + 1000000000 / CLOCK_NS);
	begin_snapshot(MFT_SNAPSHOT_EXIT, 0, 0);
	dump_snapshot_map(s, MFT_MAP_BRK, HEAP, "###");
	dump_snapshot_map(s, MFT_MAP_BRK, HEAP + 0x200000, "##");
	dump_snapshot_end(s);
	p = replay();
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

	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		dump_clock(s, 100 * i + 10);
		if (i < 3)
			chunk(HEAP + 16 + i * 2048, 2048, a);
		else
			dump_free(s, HEAP + 16);
		begin_snapshot(i < 3 ? MFT_SNAPSHOT_INTERVAL : MFT_SNAPSHOT_EXIT,
			       strlen(pages[i]) * PAGE, 0);
		dump_snapshot_map(s, MFT_MAP_BRK, HEAP, pages[i]);
		dump_snapshot_end(s);
	}
	p = replay();
	profile_free(p);
	for (unsigned i = 0; i < sizeof(moments) / sizeof(moments[0]); i++) {
		assert_int_equal(replay_dump_at(scratch.path, &moments[i], NULL, NULL, &p,
						&complaint),
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
	enum {
		BLOCKS = 5000,
		SNAPSHOTS = 1200
	};
	const struct profile_moment late = {.kind = PROFILE_MOMENT_TIME,
					    .time_ns = UINT64_MAX / 2};
	struct profile *p;

	(void)state;
	for (unsigned i = 0; i < BLOCKS; i++)
		chunk(HEAP + 16 + i * 48, 48, i % 2 ? a : b);
	for (unsigned i = 0; i < SNAPSHOTS; i++) {
		begin_snapshot(MFT_SNAPSHOT_INTERVAL, 0, 0);
		dump_snapshot_map(s, MFT_MAP_BRK, HEAP, "##########");
		dump_snapshot_end(s);
	}
	p = replay_at(&late);
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
	char pages[513];
	struct profile *p;

	(void)state;
	memset(pages, '#', 512);
	pages[512] = '\0';
	for (unsigned i = 0; i < 1024; i++)
		chunk(HEAP + 16 + i * 2048, 2048, i % 2 ? a : b);
	for (unsigned step = 0; step < 3; step++) {
		dump_clock(s, 100 * step + 10);
		for (unsigned i = 0; step > 0 && i < 512; i++)
			if (i % 2 == step - 1)
				dump_free(s, HEAP + 16 + 2 * i * 2048ull);
		begin_snapshot(MFT_SNAPSHOT_INTERVAL, 0, 0);
		dump_snapshot_map(s, MFT_MAP_BRK, HEAP, pages);
		dump_snapshot_end(s);
	}
	p = replay();
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
	const uint64_t pages = 1ull << 48;
	uint8_t runs[32], *end = mft_put_varint(runs, 0);
	struct mft_snapshot_map map = {
		.kind = MFT_MAP_ANON,
		.start = HEAP,
		.length = pages * PAGE,
		.resident_bytes = pages * PAGE,
	};
	struct profile *p;

	(void)state;
	end = mft_put_varint(end, pages);
	map.runs = (struct mft_bytes){runs, (size_t)(end - runs)};
	chunk(ARENA + 0xa00, 1024, a);
	dump_alloc(s, MFT_OP_MALLOC, HEAP + 16, 100, 112, b);
	begin_snapshot(MFT_SNAPSHOT_EXIT, 0, 0);
	assert_true(dump_room(s, 128));
	assert_int_equal(mft_put_snapshot_map(&s->encoder, &map), 0);
	dump_snapshot_end(s);
	p = replay();
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
	struct profile *p;

	(void)state;
	chunk(HEAP + 16, 1024, a);
	chunk(HEAP + 16 + 1024 + 160, 64, b);
	begin_snapshot(MFT_SNAPSHOT_EXIT, 0, 0);
	dump_snapshot_map(s, MFT_MAP_BRK, HEAP, "##");
	dump_snapshot_end(s);
	p = replay();
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

/* Large blocks in one mapping with their neighbours: a page of somebody's, a block, a block
 * right behind it, two pages of somebody's, a block, and a thread's stack. */
static void large_blocks_and_neighbours(void **state)
{
	const uint64_t at = ARENA + 0x100000;
	struct profile *p;

	(void)state;
	chunk(HEAP + 16, 1008, a);
	dump_alloc(s, MFT_OP_MALLOC, at + PAGE + 16, 2 * PAGE - 16, 2 * PAGE - 16, a);
	dump_alloc(s, MFT_OP_MALLOC, at + 3 * PAGE + 16, PAGE - 16, PAGE - 16, b);
	dump_alloc(s, MFT_OP_MALLOC, at + 6 * PAGE + 16, 2 * PAGE - 16, 2 * PAGE - 16, a);
	begin_snapshot(MFT_SNAPSHOT_EXIT, 12 * PAGE, 0);
	dump_snapshot_map(s, MFT_MAP_BRK, HEAP, "#");
	dump_snapshot_map(s, MFT_MAP_ANON, at, "##.##.##..............##");
	dump_snapshot_end(s);
	p = replay();
	/* The page of the brk heap and four of the blocks'. */
	assert_true(p->snapshots[0].resident_bytes == 5 * PAGE);
	assert_int_equal(p->snapshots[0].page_occupancy[0], 0);
	assert_true(p->snapshots[0].waterfall.empty_bytes == 0);
	assert_true(p->snapshots[0].waterfall.other_anon_bytes == 2 * PAGE);
	assert_true(p->snapshots[0].waterfall.stack_bytes == 2 * PAGE);
	assert_int_equal(p->depth->pages_count, 5);
	assert_int_equal(p->depth->heaps_count, 1);
	profile_free(p);
}

/* A block that was cut from a piece of memory, which is no arena's: brk had failed. */
static void the_main_arena_elsewhere(void **state)
{
	const uint64_t at = ARENA + 0x100000;
	struct profile *p;

	(void)state;
	chunk(HEAP + 16, 1008, a);
	chunk(at + PAGE + 16, 1008, a);
	dump_alloc(s, MFT_OP_MALLOC, at + 3 * PAGE + 16, PAGE - 16, PAGE - 16, b);
	begin_snapshot(MFT_SNAPSHOT_EXIT, 12 * PAGE, 0);
	dump_snapshot_map(s, MFT_MAP_BRK, HEAP, "#");
	dump_snapshot_map(s, MFT_MAP_ANON, at, "#####");
	dump_snapshot_end(s);
	p = replay();
	assert_true(p->snapshots[0].resident_bytes == 6 * PAGE);
	assert_true(p->snapshots[0].waterfall.empty_bytes == 3 * PAGE);
	profile_free(p);
}

#define FRAGMENTATION_TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		FRAGMENTATION_TEST(the_parts_of_rss),
		FRAGMENTATION_TEST(large_blocks_and_neighbours),
		FRAGMENTATION_TEST(the_main_arena_elsewhere),
		FRAGMENTATION_TEST(what_trimming_would_return),
		FRAGMENTATION_TEST(arenas_and_their_threads),
		FRAGMENTATION_TEST(memory_before_the_heap_is_no_arena),
		FRAGMENTATION_TEST(only_glibcs_heaps_are_known),
		FRAGMENTATION_TEST(who_pins_how_much_since_when),
		FRAGMENTATION_TEST(the_moment_asked_for),
		FRAGMENTATION_TEST(a_second_replay_finds_the_same),
		FRAGMENTATION_TEST(where_fragmentation_grew),
		FRAGMENTATION_TEST(more_than_there_can_be),
		FRAGMENTATION_TEST(free_runs_and_sizes),
	};

	return cmocka_run_group_tests_name("fragmentation", tests, NULL, NULL);
}
