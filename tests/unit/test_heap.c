/* SPDX-License-Identifier: MIT */
/* Snapshots in the profile: small heaps worked out by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "dump_writer.h"
#include "heap_dump.h"
#include "profile.h"

#define PAGE 4096u
#define HEAP 0x100000u

static void block(struct heap_dump *d, uint64_t address, uint64_t bytes, uint32_t node)
{
	dump_alloc(d->s, MFT_OP_MALLOC, address, bytes - 8, bytes, node);
}

/* Page 0: a 1000 bytes, b 1000. Page 1: a 100. Page 2: not resident. Page 3: free.
 * Pages 4 and 5: one block of b over both, from 100 to 8000. Page 6: not resident. */
static void a_heap_by_hand(void **state)
{
	struct heap_dump *d = *state;
	static const uint64_t occupancy[11] = {1, 1, 0, 0, 0, 1, 0, 0, 0, 0, 2};
	const struct profile_snapshot *snapshot;
	struct profile *p;

	block(d, HEAP + 16, 1000, d->a);
	block(d, HEAP + 2000, 1000, d->b);
	block(d, HEAP + PAGE + 512, 100, d->a);
	block(d, HEAP + 4 * PAGE + 100, 7900, d->b);
	dump_clock(d->s, 10);
	dump_snapshot(d->s, MFT_SNAPSHOT_EXIT, 77 * PAGE);
	dump_snapshot_map(d->s, MFT_MAP_FILE, HEAP / 2, "####");
	dump_snapshot_map(d->s, MFT_MAP_BRK, HEAP, "##.###.");
	dump_snapshot_end(d->s);
	p = heap_dump_replay(d, NULL);
	assert_int_equal(p->snapshots_count, 1);
	assert_int_equal(p->worst_snapshot, 0);
	snapshot = &p->snapshots[0];
	assert_true(snapshot->rss_bytes == 77 * PAGE && snapshot->time_ns == 640);
	assert_true(snapshot->usable_bytes == 10000 && snapshot->requested_bytes == 9968);
	assert_true(snapshot->resident_bytes == 5 * PAGE && snapshot->live_blocks == 4);
	assert_true(snapshot->free_bytes == 5 * PAGE - 10000);
	assert_memory_equal(snapshot->page_occupancy, occupancy, sizeof(occupancy));
	/* Pages 0 and 1 end in PAGE - 612 free bytes; page 3 and the begin of page 4 are
	 * the longest run. */
	assert_true(snapshot->largest_free_run_bytes == PAGE + 100);
	assert_true(snapshot->pinned_bytes ==
		    (PAGE - 2000) + (PAGE - 100) + 100 + (2 * PAGE - 8000));
	assert_int_equal(p->sites_count, 2);
	assert_true(p->sites[0].pinned_exclusive_bytes == PAGE - 100);
	assert_true(p->sites[1].pinned_exclusive_bytes == 100 + (2 * PAGE - 8000));
	assert_true(p->sites[0].pinned_shared_bytes == (PAGE - 2000) / 2.0);
	assert_true(p->sites[1].pinned_shared_bytes == (PAGE - 2000) / 2.0);
	profile_free(p);
}

/* An anonymous mapping counts once a block has been in it, and from then on. */
static void mappings_of_the_allocator(void **state)
{
	struct heap_dump *d = *state;
	struct profile *p;

	for (int round = 0; round < 3; round++) {
		if (round == 1)
			block(d, HEAP + 16, 100, d->a);
		if (round == 2)
			dump_free(d->s, HEAP + 16);
		dump_snapshot(d->s, MFT_SNAPSHOT_INTERVAL, 0);
		dump_snapshot_map(d->s, MFT_MAP_ANON, HEAP, "##");
		dump_snapshot_map(d->s, MFT_MAP_ANON, HEAP + 8 * PAGE, "#");
		dump_snapshot_map(d->s, MFT_MAP_OWN, HEAP + 16 * PAGE, "#");
		dump_snapshot_end(d->s);
	}
	p = heap_dump_replay(d, NULL);
	assert_int_equal(p->snapshots_count, 3);
	assert_true(p->snapshots[0].resident_bytes == 0);
	assert_true(p->snapshots[1].resident_bytes == 2 * PAGE);
	assert_true(p->snapshots[2].resident_bytes == 2 * PAGE);
	assert_true(p->snapshots[2].largest_free_run_bytes == 2 * PAGE);
	assert_int_equal(p->worst_snapshot, 2);
	profile_free(p);
}

/* One mapping in two records is one mapping: a free run reaches across. */
static void parts_are_joined(void **state)
{
	struct heap_dump *d = *state;
	struct profile *p;

	dump_snapshot(d->s, MFT_SNAPSHOT_INTERVAL, 0);
	dump_snapshot_map(d->s, MFT_MAP_BRK, HEAP, "#.##");
	dump_snapshot_map(d->s, MFT_MAP_BRK, HEAP + 4 * PAGE, "#..");
	dump_snapshot_end(d->s);
	p = heap_dump_replay(d, NULL);
	assert_true(p->snapshots[0].resident_bytes == 4 * PAGE);
	assert_true(p->snapshots[0].largest_free_run_bytes == 3 * PAGE);
	profile_free(p);
}

static void incomplete_snapshots_are_ignored(void **state)
{
	struct heap_dump *d = *state;
	struct profile *p;

	dump_snapshot(d->s, MFT_SNAPSHOT_INTERVAL, 0);
	dump_snapshot_map(d->s, MFT_MAP_BRK, HEAP, "#");
	dump_snapshot(d->s, MFT_SNAPSHOT_EXIT, 0);
	dump_snapshot_map(d->s, MFT_MAP_BRK, HEAP, "##");
	dump_snapshot_end(d->s);
	dump_snapshot(d->s, MFT_SNAPSHOT_INTERVAL, 0);
	dump_snapshot_map(d->s, MFT_MAP_BRK, HEAP, "#");
	p = heap_dump_replay(d, NULL);
	assert_int_equal(p->snapshots_count, 1);
	assert_true(p->snapshots[0].reason == MFT_SNAPSHOT_EXIT);
	assert_true(p->snapshots[0].resident_bytes == 2 * PAGE);
	profile_free(p);
}

/* A part that cannot be right takes the whole snapshot with it. */
static void damaged_snapshots_are_dropped(void **state)
{
	struct heap_dump *d = *state;
	struct profile *p;

	dump_snapshot(d->s, MFT_SNAPSHOT_INTERVAL, 0);
	dump_snapshot_map(d->s, MFT_MAP_BRK, HEAP, "##");
	dump_snapshot_map(d->s, MFT_MAP_ANON, HEAP + PAGE, "##"); /* overlaps */
	dump_snapshot_map(d->s, MFT_MAP_ANON, HEAP + 8 * PAGE, "##");
	dump_snapshot_end(d->s);
	dump_snapshot(d->s, MFT_SNAPSHOT_INTERVAL, 0);
	dump_snapshot_map(d->s, MFT_MAP_ANON, HEAP + 1, "##"); /* begins within a page */
	dump_snapshot_end(d->s);
	dump_snapshot(d->s, MFT_SNAPSHOT_EXIT, 0);
	dump_snapshot_map(d->s, MFT_MAP_BRK, HEAP, "##");
	dump_snapshot_end(d->s);
	p = heap_dump_replay_damaged(d);
	assert_int_equal(p->snapshots_count, 1);
	assert_true(p->snapshots[0].reason == MFT_SNAPSHOT_EXIT);
	assert_non_null(strstr(p->damage, "0x8c"));
	profile_free(p);
}

/* Small heaps look bad at start-up: with nothing above a megabyte, exit is told of. */
static void the_worst_snapshot(void **state)
{
	struct heap_dump *d = *state;
	char megabyte[257];
	struct profile *p;

	memset(megabyte, '#', 256);
	megabyte[256] = '\0';
	block(d, HEAP + 16, 5000, d->a);
	dump_snapshot(d->s, MFT_SNAPSHOT_PEAK_LIVE, 0);
	dump_snapshot_map(d->s, MFT_MAP_BRK, HEAP, "########");
	dump_snapshot_end(d->s);
	dump_snapshot(d->s, MFT_SNAPSHOT_EXIT, 0);
	dump_snapshot_map(d->s, MFT_MAP_BRK, HEAP, "##");
	dump_snapshot_end(d->s);
	block(d, HEAP + 0x10000, 300000, d->a);
	dump_snapshot(d->s, MFT_SNAPSHOT_INTERVAL, 0);
	dump_snapshot_map(d->s, MFT_MAP_BRK, HEAP, megabyte);
	dump_snapshot_end(d->s);
	dump_free(d->s, HEAP + 0x10000);
	dump_snapshot(d->s, MFT_SNAPSHOT_INTERVAL, 0);
	dump_snapshot_map(d->s, MFT_MAP_BRK, HEAP, megabyte + 1);
	dump_snapshot_end(d->s);
	p = heap_dump_replay(d, NULL);
	assert_int_equal(p->snapshots_count, 4);
	assert_int_equal(p->worst_snapshot, 2);
	assert_true(p->sites[0].pinned_exclusive_bytes == p->snapshots[2].pinned_bytes);
	profile_free(p);
}

/* Start-up does not count: a heap has to have an eighth of the largest one's size. Which
 * have shows at the end, when the one that is the worst has been passed by. */
static void the_worst_is_not_startup(void **state)
{
	struct heap_dump *d = *state;
	static const struct {
		unsigned pages;
		uint64_t bytes; /* live */
	} heaps[] = {{280, 1000}, {900, 900000}, {4000, 15000000}};
	static char pages[4001];
	struct profile *p;

	for (size_t i = 0; i < 3; i++) {
		block(d, HEAP + 16 * PAGE, heaps[i].bytes, i == 1 ? d->b : d->a);
		memset(pages, '#', heaps[i].pages);
		pages[heaps[i].pages] = '\0';
		dump_snapshot(d->s, MFT_SNAPSHOT_INTERVAL, 0);
		dump_snapshot_map(d->s, MFT_MAP_BRK, HEAP, pages);
		dump_snapshot_end(d->s);
		dump_free(d->s, HEAP + 16 * PAGE);
	}
	p = heap_dump_replay(d, NULL);
	assert_int_equal(p->snapshots_count, 3);
	assert_int_equal(p->worst_snapshot, 1);
	assert_int_equal(p->chosen_snapshot, 1);
	assert_non_null(p->depth);
	assert_int_equal(p->depth->snapshot, 1);
	assert_int_equal(p->depth->pages_count, 900);
	assert_true(p->sites[0].pinned_exclusive_bytes == 0);
	assert_true(p->sites[1].pinned_exclusive_bytes == p->snapshots[1].pinned_bytes);
	profile_free(p);
}

static void without_telling_ones_exit_counts(void **state)
{
	struct heap_dump *d = *state;
	struct profile *p;

	block(d, HEAP + 16, 5000, d->a);
	dump_snapshot(d->s, MFT_SNAPSHOT_PEAK_LIVE, 0);
	dump_snapshot_map(d->s, MFT_MAP_BRK, HEAP, "########");
	dump_snapshot_end(d->s);
	dump_snapshot(d->s, MFT_SNAPSHOT_EXIT, 0);
	dump_snapshot_map(d->s, MFT_MAP_BRK, HEAP, "##");
	dump_snapshot_end(d->s);
	p = heap_dump_replay(d, NULL);
	assert_int_equal(p->worst_snapshot, 1);
	profile_free(p);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, heap_dump_begin, heap_dump_end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_heap_by_hand),
		TEST(mappings_of_the_allocator),
		TEST(parts_are_joined),
		TEST(incomplete_snapshots_are_ignored),
		TEST(damaged_snapshots_are_dropped),
		TEST(the_worst_snapshot),
		TEST(the_worst_is_not_startup),
		TEST(without_telling_ones_exit_counts),
	};

	return cmocka_run_group_tests_name("heap", tests, NULL, NULL);
}
