/* SPDX-License-Identifier: MIT */
/* Pages and blocks: small heaps worked out by hand, and random ones byte by byte. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "blocks.h"
#include "complaint.h"
#include "dump_writer.h"
#include "pages.h"
#include "profile.h"
#include "replay.h"
#include "scratch.h"
#include "spans.h"

#define PAGE 4096u
#define HEAP 0x100000u

static struct scratch scratch;
static struct dump_writer writer;
static struct dump_stream *s;
static uint32_t a, b;

static int setup(void **state)
{
	(void)state;
	scratch_open(&scratch);
	assert_int_equal(dump_writer_open(&writer, scratch.path, 65536), 0);
	s = dump_writer_stream(&writer, 1);
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

static struct profile *replay(void)
{
	struct complaint complaint;
	struct profile *profile;

	assert_int_equal(dump_writer_close(&writer, MFT_STATE_EXITED), 0);
	assert_int_equal(replay_dump(scratch.path, NULL, NULL, &profile, &complaint), 0);
	return profile;
}

static void block(uint64_t address, uint64_t bytes, uint32_t node)
{
	dump_alloc(s, MFT_OP_MALLOC, address, bytes - 8, bytes, node);
}

/* Page 0: a 1000 bytes, b 1000. Page 1: a 100. Page 2: not resident. Page 3: free.
 * Pages 4 and 5: one block of b over both, from 100 to 8000. Page 6: not resident. */
static void a_heap_by_hand(void **state)
{
	static const uint64_t occupancy[11] = {1, 1, 0, 0, 0, 1, 0, 0, 0, 0, 2};
	const struct profile_snapshot *snapshot;
	struct profile *p;

	(void)state;
	block(HEAP + 16, 1000, a);
	block(HEAP + 2000, 1000, b);
	block(HEAP + PAGE + 512, 100, a);
	block(HEAP + 4 * PAGE + 100, 7900, b);
	dump_clock(s, 10);
	dump_snapshot(s, MFT_SNAPSHOT_EXIT, 77 * PAGE);
	dump_snapshot_map(s, MFT_MAP_FILE, HEAP / 2, "####");
	dump_snapshot_map(s, MFT_MAP_BRK, HEAP, "##.###.");
	dump_snapshot_end(s);
	p = replay();
	assert_null(p->damage);
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
	struct profile *p;

	(void)state;
	for (int round = 0; round < 3; round++) {
		if (round == 1)
			block(HEAP + 16, 100, a);
		if (round == 2)
			dump_free(s, HEAP + 16);
		dump_snapshot(s, MFT_SNAPSHOT_INTERVAL, 0);
		dump_snapshot_map(s, MFT_MAP_ANON, HEAP, "##");
		dump_snapshot_map(s, MFT_MAP_ANON, HEAP + 8 * PAGE, "#");
		dump_snapshot_map(s, MFT_MAP_OWN, HEAP + 16 * PAGE, "#");
		dump_snapshot_end(s);
	}
	p = replay();
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
	struct profile *p;

	(void)state;
	dump_snapshot(s, MFT_SNAPSHOT_INTERVAL, 0);
	dump_snapshot_map(s, MFT_MAP_BRK, HEAP, "#.##");
	dump_snapshot_map(s, MFT_MAP_BRK, HEAP + 4 * PAGE, "#..");
	dump_snapshot_end(s);
	p = replay();
	assert_true(p->snapshots[0].resident_bytes == 4 * PAGE);
	assert_true(p->snapshots[0].largest_free_run_bytes == 3 * PAGE);
	profile_free(p);
}

static void incomplete_snapshots_are_ignored(void **state)
{
	struct profile *p;

	(void)state;
	dump_snapshot(s, MFT_SNAPSHOT_INTERVAL, 0);
	dump_snapshot_map(s, MFT_MAP_BRK, HEAP, "#");
	dump_snapshot(s, MFT_SNAPSHOT_EXIT, 0);
	dump_snapshot_map(s, MFT_MAP_BRK, HEAP, "##");
	dump_snapshot_end(s);
	dump_snapshot(s, MFT_SNAPSHOT_INTERVAL, 0);
	dump_snapshot_map(s, MFT_MAP_BRK, HEAP, "#");
	p = replay();
	assert_int_equal(p->snapshots_count, 1);
	assert_true(p->snapshots[0].reason == MFT_SNAPSHOT_EXIT);
	assert_true(p->snapshots[0].resident_bytes == 2 * PAGE);
	profile_free(p);
}

/* A part that cannot be right takes the whole snapshot with it. */
static void damaged_snapshots_are_dropped(void **state)
{
	struct profile *p;

	(void)state;
	dump_snapshot(s, MFT_SNAPSHOT_INTERVAL, 0);
	dump_snapshot_map(s, MFT_MAP_BRK, HEAP, "##");
	dump_snapshot_map(s, MFT_MAP_ANON, HEAP + PAGE, "##"); /* overlaps */
	dump_snapshot_map(s, MFT_MAP_ANON, HEAP + 8 * PAGE, "##");
	dump_snapshot_end(s);
	dump_snapshot(s, MFT_SNAPSHOT_INTERVAL, 0);
	dump_snapshot_map(s, MFT_MAP_ANON, HEAP + 1, "##"); /* begins within a page */
	dump_snapshot_end(s);
	dump_snapshot(s, MFT_SNAPSHOT_EXIT, 0);
	dump_snapshot_map(s, MFT_MAP_BRK, HEAP, "##");
	dump_snapshot_end(s);
	p = replay();
	assert_int_equal(p->snapshots_count, 1);
	assert_true(p->snapshots[0].reason == MFT_SNAPSHOT_EXIT);
	assert_non_null(strstr(p->damage, "0x8c"));
	profile_free(p);
}

/* Small heaps look bad at start-up: with nothing above a megabyte, exit is told of. */
static void the_worst_snapshot(void **state)
{
	char megabyte[257];
	struct profile *p;

	(void)state;
	memset(megabyte, '#', 256);
	megabyte[256] = '\0';
	block(HEAP + 16, 5000, a);
	dump_snapshot(s, MFT_SNAPSHOT_PEAK_LIVE, 0);
	dump_snapshot_map(s, MFT_MAP_BRK, HEAP, "########");
	dump_snapshot_end(s);
	dump_snapshot(s, MFT_SNAPSHOT_EXIT, 0);
	dump_snapshot_map(s, MFT_MAP_BRK, HEAP, "##");
	dump_snapshot_end(s);
	block(HEAP + 0x10000, 300000, a);
	dump_snapshot(s, MFT_SNAPSHOT_INTERVAL, 0);
	dump_snapshot_map(s, MFT_MAP_BRK, HEAP, megabyte);
	dump_snapshot_end(s);
	dump_free(s, HEAP + 0x10000);
	dump_snapshot(s, MFT_SNAPSHOT_INTERVAL, 0);
	dump_snapshot_map(s, MFT_MAP_BRK, HEAP, megabyte + 1);
	dump_snapshot_end(s);
	p = replay();
	assert_int_equal(p->snapshots_count, 4);
	assert_int_equal(p->worst_snapshot, 2);
	assert_true(p->sites[0].pinned_exclusive_bytes == p->snapshots[2].pinned_bytes);
	profile_free(p);
}

static void without_telling_ones_exit_counts(void **state)
{
	struct profile *p;

	(void)state;
	block(HEAP + 16, 5000, a);
	dump_snapshot(s, MFT_SNAPSHOT_PEAK_LIVE, 0);
	dump_snapshot_map(s, MFT_MAP_BRK, HEAP, "########");
	dump_snapshot_end(s);
	dump_snapshot(s, MFT_SNAPSHOT_EXIT, 0);
	dump_snapshot_map(s, MFT_MAP_BRK, HEAP, "##");
	dump_snapshot_end(s);
	p = replay();
	assert_int_equal(p->worst_snapshot, 1);
	profile_free(p);
}

/* ---- Random heaps, byte by byte ---------------------------------------------------- */

#define PAGES 40u
#define SITES 5u
#define SMALL 64u /* page size: many borders */

/* What the bytes of a heap say. */
struct plain {
	uint8_t owner[PAGES * SMALL]; /* site + 1; 0: free */
	uint8_t resident[PAGES];
	uint64_t covered, pinned, longest, occupancy[11];
	uint64_t exclusive[SITES];
	double shared[SITES];
};

static uint64_t next_random(uint64_t *random)
{
	*random = *random * 6364136223846793005u + 1442695040888963407u;
	return *random >> 33;
}

static void fill(struct plain *plain, struct blocks *blocks, uint64_t *random, int round)
{
	for (uint64_t at = 1;;) {
		struct block new = {0}, older;

		at += next_random(random) % (round % 7 ? 40 : 500);
		new.address = at;
		new.usable = next_random(random) % (round % 5 ? 50 : 700);
		new.site = (uint32_t)(next_random(random) % SITES);
		at += new.usable + 1;
		if (at > sizeof(plain->owner))
			break;
		memset(plain->owner + new.address, (int)new.site + 1, new.usable);
		assert_int_equal(blocks_put(blocks, &new, &older), 0);
	}
	for (unsigned page = 0; page < PAGES; page++)
		plain->resident[page] = next_random(random) % 4 != 0;
}

static void look_at_page(struct plain *plain, unsigned page, uint64_t *run)
{
	unsigned sites = 0, covered = 0, is_on[SITES + 1] = {0};

	for (unsigned i = page * SMALL; i < (page + 1) * SMALL; i++) {
		uint8_t owner = plain->owner[i];

		*run = owner ? 0 : *run + 1;
		if (*run > plain->longest)
			plain->longest = *run;
		covered += owner != 0;
		sites += owner && !is_on[owner];
		is_on[owner] = 1;
	}
	plain->occupancy[(covered * 10 + SMALL - 1) / SMALL]++;
	plain->covered += covered;
	plain->pinned += covered ? SMALL - covered : 0;
	for (unsigned k = 0; k < SITES; k++) {
		if (is_on[k + 1] && sites == 1)
			plain->exclusive[k] += SMALL - covered;
		else if (is_on[k + 1])
			plain->shared[k] += (double)(SMALL - covered) / sites;
	}
}

static void look_at_bytes(struct plain *plain)
{
	uint64_t run = 0;

	for (unsigned page = 0; page < PAGES; page++) {
		if (plain->resident[page])
			look_at_page(plain, page, &run);
		else
			run = 0;
	}
}

static void add_runs(struct pages *pages, const struct spans *spans,
		     const struct plain *plain)
{
	uint64_t start = 0;

	pages_begin_mapping(pages);
	for (unsigned page = 0; page <= PAGES; page++) {
		if (page < PAGES && plain->resident[page])
			continue;
		if (start < page * SMALL)
			pages_add_run(pages, spans, start, page * SMALL);
		start = (page + 1) * SMALL;
	}
}

static void compare(const struct pages *pages, const struct plain *plain)
{
	assert_true(pages->covered_bytes == plain->covered);
	assert_true(pages->pinned_bytes == plain->pinned);
	assert_true(pages->largest_free_run_bytes == plain->longest);
	assert_memory_equal(pages->occupancy, plain->occupancy, sizeof(plain->occupancy));
	for (unsigned k = 0; k < SITES; k++) {
		double difference = plain->shared[k] - pages->pins->shared[k];

		assert_true(plain->exclusive[k] == pages->pins->exclusive[k]);
		assert_true(difference < 1e-6 && difference > -1e-6);
	}
}

static void agrees_byte_by_byte(void **state)
{
	uint64_t random = 11;

	(void)state;
	for (int round = 0; round < 3000; round++) {
		uint64_t exclusive[SITES] = {0};
		double shared[SITES] = {0};
		struct pages_pins pins = {exclusive, shared};
		struct plain plain = {0};
		struct blocks blocks = {0};
		struct spans spans = {0};
		struct pages pages;

		fill(&plain, &blocks, &random, round);
		look_at_bytes(&plain);
		assert_int_equal(spans_gather(&spans, &blocks), 0);
		assert_int_equal(pages_init(&pages, SMALL, &pins, SITES), 0);
		add_runs(&pages, &spans, &plain);
		compare(&pages, &plain);
		pages_done(&pages);
		spans_done(&spans);
		blocks_done(&blocks);
	}
}

#define HEAP_TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		HEAP_TEST(a_heap_by_hand),
		HEAP_TEST(mappings_of_the_allocator),
		HEAP_TEST(parts_are_joined),
		HEAP_TEST(incomplete_snapshots_are_ignored),
		HEAP_TEST(damaged_snapshots_are_dropped),
		HEAP_TEST(the_worst_snapshot),
		HEAP_TEST(without_telling_ones_exit_counts),
		cmocka_unit_test(agrees_byte_by_byte),
	};

	return cmocka_run_group_tests_name("heap", tests, NULL, NULL);
}
