/* SPDX-License-Identifier: MIT */
/* What is known of glibc's heaps, and what in a mapping is none of theirs. The heaps are
 * small enough to be worked out by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "dump_writer.h"
#include "heap_dump.h"
#include "profile.h"

#define PAGE 4096u
#define HEAP 0x10000000u
#define ARENA 0x7f0000000000u
#define OTHER_THREAD 200
#define CLOCK_NS 64u

static void threads(struct heap_dump *d, const int32_t *ids, unsigned count)
{
	uint8_t payload[64], *p = payload;

	for (unsigned i = 0; i < count; i++)
		p = mft_put_varint(p, (uint32_t)ids[i]);
	dump_long(d->s, MFT_OP_SNAPSHOT_THREADS, payload, (size_t)(p - payload));
}

/* Large blocks in one mapping with their neighbours: a page of somebody's, a block, a block
 * right behind it, two pages of somebody's, a block, and a thread's stack. */
static void large_blocks_and_neighbours(void **state)
{
	struct heap_dump *d = *state;
	const uint64_t at = ARENA + 0x100000;
	struct profile *p;

	heap_dump_chunk(d, HEAP + 16, 1008, d->a);
	dump_alloc(d->s, MFT_OP_MALLOC, at + PAGE + 16, 2 * PAGE - 16, 2 * PAGE - 16, d->a);
	dump_alloc(d->s, MFT_OP_MALLOC, at + 3 * PAGE + 16, PAGE - 16, PAGE - 16, d->b);
	dump_alloc(d->s, MFT_OP_MALLOC, at + 6 * PAGE + 16, 2 * PAGE - 16, 2 * PAGE - 16,
		   d->a);
	heap_dump_snapshot(d, MFT_SNAPSHOT_EXIT, 12 * PAGE, 0);
	dump_snapshot_map(d->s, MFT_MAP_BRK, HEAP, "#");
	dump_snapshot_map(d->s, MFT_MAP_ANON, at, "##.##.##..............##");
	dump_snapshot_end(d->s);
	p = heap_dump_replay(d, NULL);
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
	struct heap_dump *d = *state;
	const uint64_t at = ARENA + 0x100000;
	struct profile *p;

	heap_dump_chunk(d, HEAP + 16, 1008, d->a);
	heap_dump_chunk(d, at + PAGE + 16, 1008, d->a);
	dump_alloc(d->s, MFT_OP_MALLOC, at + 3 * PAGE + 16, PAGE - 16, PAGE - 16, d->b);
	heap_dump_snapshot(d, MFT_SNAPSHOT_EXIT, 12 * PAGE, 0);
	dump_snapshot_map(d->s, MFT_MAP_BRK, HEAP, "#");
	dump_snapshot_map(d->s, MFT_MAP_ANON, at, "#####");
	dump_snapshot_end(d->s);
	p = heap_dump_replay(d, NULL);
	assert_true(p->snapshots[0].resident_bytes == 6 * PAGE);
	assert_true(p->snapshots[0].waterfall.empty_bytes == 3 * PAGE);
	profile_free(p);
}

/* From page 1 to 3 a free chunk, 5 to 7 another; behind the last block 3 more pages. */
static void what_trimming_would_return(void **state)
{
	struct heap_dump *d = *state;
	const struct profile_heap *heap;
	struct profile *p;

	heap_dump_chunk(d, HEAP + 16, PAGE, d->a);
	heap_dump_chunk(d, HEAP + 4 * PAGE + 16, PAGE, d->a);
	dump_clock(d->s, 10);
	heap_dump_chunk(d, HEAP + 8 * PAGE + 16, 1024, d->b);
	dump_clock(d->s, 30);
	heap_dump_snapshot(d, MFT_SNAPSHOT_EXIT, 0, 0);
	dump_snapshot_map(d->s, MFT_MAP_BRK, HEAP, "##.#########");
	dump_snapshot_end(d->s);
	p = heap_dump_replay(d, NULL);
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
	struct heap_dump *d = *state;
	static const int32_t alive[] = {HEAP_DUMP_THREAD};
	struct dump_stream *first = d->s;
	const struct profile_heap *heap;
	struct profile *p;

	heap_dump_chunk(d, HEAP + 16, 1024, d->a);
	d->s = dump_writer_stream(&d->writer, OTHER_THREAD);
	d->b = dump_node(d->s, MFT_NODE_ROOT, MFT_MODULE_NONE, 0xb);
	heap_dump_chunk(d, ARENA + 0xa00, 1024, d->b);
	heap_dump_chunk(d, ARENA + 4 * PAGE + 16, 1024, d->b);
	dump_clock(d->s, 10);
	d->s = first;
	dump_clock(d->s, 20);
	heap_dump_snapshot(d, MFT_SNAPSHOT_EXIT, 0, 0);
	threads(d, alive, 1);
	dump_snapshot_map(d->s, MFT_MAP_BRK, HEAP, "##");
	dump_snapshot_map(d->s, MFT_MAP_ANON, ARENA - 2 * PAGE, "##########");
	dump_snapshot_end(d->s);
	p = heap_dump_replay(d, NULL);
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
	struct heap_dump *d = *state;
	static const uint64_t brk_starts[] = {ARENA + 16 * PAGE, ARENA + 0x1000000};
	const uint64_t border = ARENA + 0x8000000;
	struct profile *p;

	/* The main arena's, when brk has failed: any mapping. */
	heap_dump_chunk(d, border + 0x400000 + 16, 1024, d->a);
	for (unsigned i = 0; i < 2; i++) {
		heap_dump_chunk(d, brk_starts[i] + 16, 1024, d->a);
		heap_dump_snapshot(d, MFT_SNAPSHOT_INTERVAL, 0, 0);
		/* A variable across the border; one that begins at it. */
		dump_snapshot_map(d->s, MFT_MAP_ANON, ARENA - (i ? 0 : 2 * PAGE), "#####");
		dump_snapshot_map(d->s, MFT_MAP_BRK, brk_starts[i], "##");
		/* Across a border, too, but the chunks behind it are another mapping's. */
		dump_snapshot_map(d->s, MFT_MAP_ANON, border - 2 * PAGE, "####");
		dump_snapshot_map(d->s, MFT_MAP_ANON, border + 0x400000, "#");
		/* Memory of nobody, and an arena without blocks. */
		dump_snapshot_map(d->s, MFT_MAP_ANON, 2 * ARENA - 2 * PAGE, "#");
		dump_snapshot_map(d->s, MFT_MAP_ANON, 2 * ARENA, "##");
		dump_snapshot_end(d->s);
		dump_free(d->s, brk_starts[i] + 16);
	}
	p = heap_dump_replay(d, NULL);
	for (unsigned i = 0; i < 2; i++) {
		assert_true(p->snapshots[i].resident_bytes == 5 * PAGE);
		assert_true(p->snapshots[i].waterfall.other_anon_bytes == 10 * PAGE);
	}
	profile_free(p);
}

static void only_glibcs_heaps_are_known(void **state)
{
	struct heap_dump *d = *state;
	struct profile *p;

	dump_allocator(d->s, "/usr/lib/x86_64-linux-gnu/libjemalloc.so.2");
	dump_alloc(d->s, MFT_OP_MALLOC, ARENA, 100, 104, d->a);
	heap_dump_snapshot(d, MFT_SNAPSHOT_EXIT, 4 * PAGE, 0);
	dump_snapshot_map(d->s, MFT_MAP_ANON, ARENA, "##.#");
	dump_snapshot_end(d->s);
	p = heap_dump_replay(d, NULL);
	assert_int_equal(p->depth->heaps_count, 0);
	assert_true(p->snapshots[0].waterfall.slack_bytes == 4);
	assert_true(p->snapshots[0].waterfall.pinned_free_bytes == PAGE - 104);
	assert_true(p->snapshots[0].waterfall.empty_bytes == 2 * PAGE);
	assert_true(p->snapshots[0].waterfall.unexplained_bytes == PAGE);
	profile_free(p);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, heap_dump_begin_glibc, heap_dump_end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(large_blocks_and_neighbours),
		TEST(the_main_arena_elsewhere),
		TEST(what_trimming_would_return),
		TEST(arenas_and_their_threads),
		TEST(memory_before_the_heap_is_no_arena),
		cmocka_unit_test_setup_teardown(only_glibcs_heaps_are_known,
						heap_dump_begin, heap_dump_end),
	};

	return cmocka_run_group_tests_name("glibc_heaps", tests, NULL, NULL);
}
