/* SPDX-License-Identifier: MIT */
/* From events to a profile: every definition of docs/design.md, with figures worked out by
 * hand, and a long random run against a plain model. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "complaint.h"
#include "dump_writer.h"
#include "profile.h"
#include "replay.h"
#include "scratch.h"

static struct scratch scratch;
static struct dump_writer writer;
static struct dump_stream *s1, *s2;
/* Nodes of s1: main, and three sites that it calls. */
static uint32_t a, b, c;

static int setup(void **state)
{
	uint32_t outer;

	(void)state;
	scratch_open(&scratch);
	assert_int_equal(dump_writer_open(&writer, scratch.path, 4096), 0);
	s1 = dump_writer_stream(&writer, 101);
	dump_process(s1, "/bin/prog", "/work", "prog\0-x\0", 8);
	dump_module(s1, 1, 0x400000, "/bin/prog");
	outer = dump_node(s1, MFT_NODE_ROOT, 1, 0x10);
	a = dump_node(s1, outer, 1, 0xa0);
	b = dump_node(s1, outer, 1, 0xb0);
	c = dump_node(s1, outer, 1, 0xc0);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	scratch_close(&scratch);
	return 0;
}

static struct profile *replay(enum mft_state process_state)
{
	struct complaint complaint = {""};
	struct profile *profile;

	assert_int_equal(dump_writer_close(&writer, process_state), 0);
	assert_int_equal(replay_dump(scratch.path, NULL, NULL, &profile, &complaint), 0);
	return profile;
}

/* The site at an offset of the module. */
static const struct profile_site *site(const struct profile *profile, uint64_t offset)
{
	for (size_t i = 0; i < profile->sites_count; i++)
		if (profile->frames[profile->sites[i].frame].offset == offset)
			return &profile->sites[i];
	fail_msg("no site at 0x%lx", (unsigned long)offset);
	return NULL;
}

static void facts_and_counts(void **state)
{
	struct profile *p;

	(void)state;
	dump_notice(s1, MFT_NOTICE_OPTION, "ring=x");
	dump_notice(s1, MFT_NOTICE_OPTION, "ring=x");
	dump_allocator(s1, "/lib/libc.so.6");
	dump_clock(s1, 100);
	dump_malloc(s1, 0x1000, 10, a);
	dump_alloc(s1, MFT_OP_CALLOC, 0x2000, 20, 64, b);
	dump_malloc(s1, 0x3000, 0, a);
	dump_failed(s1, MFT_OP_MALLOC, 1 << 30, c);
	dump_clock(s1, 200);
	dump_free(s1, 0x1000);
	dump_free(s1, 0x9990);
	dump_mapping(s1, MFT_OP_MMAP, 0x70000, 8192, 0, 0);
	dump_mapping(s1, MFT_OP_MREMAP, 0x70000, 4096, 0x70000, 8192);
	dump_mapping(s1, MFT_OP_BRK, 0x5000, 0, 0x4000, 0);
	dump_mapping(s1, MFT_OP_MUNMAP, 0x70000, 4096, 0, 0);
	dump_mapping(s1, MFT_OP_MADVISE, 0x70000, 4096, 0, 0);
	dump_clock(s1, 300);
	writer.header.lost_events = 3;
	p = replay(MFT_STATE_EXITED);
	assert_string_equal(p->exe, "/bin/prog");
	assert_string_equal(p->cwd, "/work");
	assert_string_equal(p->argv[0], "prog");
	assert_string_equal(p->argv[1], "-x");
	assert_null(p->argv[2]);
	assert_string_equal(p->allocator, "/lib/libc.so.6");
	assert_non_null(strstr(p->notices[0], "ring=x"));
	assert_null(p->notices[1]);
	assert_null(p->damage);
	assert_true(p->allocations == 3 && p->frees == 1 && p->failed == 1);
	assert_true(p->unmatched_frees == 1 && p->double_allocations == 0);
	assert_true(p->events == 10 && p->threads == 1 && p->lost_events == 3);
	assert_true(p->allocated_bytes == 30 && p->freed_bytes == 10);
	assert_true(p->live_bytes == 20 && p->live_blocks == 2);
	assert_true(p->live_usable_bytes == 64 + 24);
	assert_true(p->peak_bytes == 30 && p->peak_blocks == 2);
	assert_true(p->peak_time_ns == 6400 && p->duration_ns == 300 * 64);
	assert_true(p->op_counts[MFT_OP_MALLOC] == 2 && p->op_counts[MFT_OP_FREE] == 2);
	assert_true(p->mappings.mapped_bytes == 8192 + 4096);
	assert_true(p->mappings.unmapped_bytes == 4096 + 4096);
	assert_true(p->mappings.mmap_calls == 1 && p->mappings.madvise_calls == 1);
	assert_int_equal(p->sites_count, 3);
	assert_true(site(p, 0xa0)->allocations == 2 && site(p, 0xa0)->freed == 1);
	assert_true(site(p, 0xa0)->lifetime_ns_sum == 6400);
	assert_int_equal(site(p, 0xb0)->op, MFT_OP_CALLOC);
	assert_true(site(p, 0xc0)->failed == 1 && site(p, 0xc0)->allocations == 0);
	assert_true(p->stacks_complete == 4 && p->stacks_truncated == 0);
	profile_free(p);
}

static void peak_is_kept_by_site(void **state)
{
	struct profile *p;

	(void)state;
	dump_malloc(s1, 0x1000, 100, a);
	dump_malloc(s1, 0x2000, 50, b);
	dump_free(s1, 0x1000);
	dump_malloc(s1, 0x3000, 70, c);
	dump_malloc(s1, 0x4000, 60, a); /* 180: the peak */
	dump_free(s1, 0x3000);
	dump_malloc(s1, 0x3000, 69, c); /* 179 */
	dump_free(s1, 0x2000);
	dump_free(s1, 0x4000);
	dump_malloc(s1, 0x5000, 1, MFT_NODE_TRUNCATED);
	p = replay(MFT_STATE_EXITED);
	assert_true(p->peak_bytes == 180 && p->peak_blocks == 3);
	assert_true(site(p, 0xa0)->peak_bytes == 60 && site(p, 0xa0)->peak_blocks == 1);
	assert_true(site(p, 0xb0)->peak_bytes == 50 && site(p, 0xc0)->peak_bytes == 70);
	assert_true(site(p, 0xc0)->live_bytes == 69);
	assert_true(p->stacks_complete == 5 && p->stacks_truncated == 1);
	profile_free(p);
}

static void temporaries(void **state)
{
	struct profile *p;

	(void)state;
	dump_malloc(s1, 0x1000, 8, a);
	dump_free(s1, 0x1000); /* 1 */
	dump_malloc(s1, 0x1000, 8, a);
	dump_malloc(s1, 0x2000, 8, b);
	dump_free(s1, 0x1000); /* another allocation in between */
	dump_free(s1, 0x2000); /* 2: only a free was in between */
	dump_malloc(s1, 0x1000, 8, a);
	dump_thread(s1, 102);
	dump_free(s1, 0x1000); /* another thread took the stream over */
	dump_malloc(s1, 0x1000, 8, c);
	dump_clock(s1, 10);
	s2 = dump_writer_stream(&writer, 103);
	dump_clock(s2, 20);
	dump_free(s2, 0x1000); /* another thread */
	dump_clock(s2, 30);
	dump_malloc(s2, 0x1000, 8, MFT_NODE_ROOT);
	dump_clock(s1, 40);
	dump_free(s1, 0x1000); /* the same address, the other thread's block */
	p = replay(MFT_STATE_EXITED);
	assert_true(p->temporary_allocations == 2);
	assert_true(site(p, 0xa0)->temporary == 1 && site(p, 0xb0)->temporary == 1);
	assert_true(p->threads == 3);
	assert_true(p->live_blocks == 0 && p->unmatched_frees == 0);
	profile_free(p);
}

static void reallocs(void **state)
{
	struct profile *p;

	(void)state;
	dump_malloc(s1, 0x1000, 100, a);
	dump_release(s1, MFT_OP_REALLOC_RELEASE, 0x1000); /* grows, moves */
	dump_alloc(s1, MFT_OP_REALLOC, 0x2000, 150, 0, b);
	dump_release(s1, MFT_OP_REALLOC_RELEASE, 0x2000); /* fails */
	dump_failed(s1, MFT_OP_REALLOC, 1 << 30, c);
	dump_reacquire(s1);
	dump_release(s1, MFT_OP_REALLOCARRAY_RELEASE, 0x2000); /* shrinks in place */
	dump_alloc(s1, MFT_OP_REALLOCARRAY, 0x2000, 30, 0, c);
	dump_release(s1, MFT_OP_REALLOC_RELEASE, 0x2000); /* realloc(p, 0): temporary */
	dump_malloc(s1, 0x3000, 5, a);
	dump_alloc(s1, MFT_OP_REALLOC, 0x4000, 5, 0, b);  /* realloc(NULL, 5) */
	dump_release(s1, MFT_OP_REALLOC_RELEASE, 0x7770); /* of an unknown block */
	dump_alloc(s1, MFT_OP_REALLOC, 0x5000, 5, 0, b);
	dump_release(s1, MFT_OP_REALLOC_RELEASE, 0x7770); /* and one that fails */
	dump_reacquire(s1);
	dump_release(s1, MFT_OP_REALLOC_RELEASE, 0x5000); /* the last thing it does */
	p = replay(MFT_STATE_EXITED);
	assert_null(p->damage);
	assert_true(p->allocations == 6 && p->frees == 4 && p->reallocs == 2);
	assert_true(p->failed == 1 && p->unmatched_frees == 1);
	assert_true(p->temporary_allocations == 2);
	assert_true(site(p, 0xa0)->temporary == 0 && site(p, 0xc0)->temporary == 1);
	assert_true(p->peak_bytes == 150 && p->peak_blocks == 1);
	assert_true(p->live_bytes == 10 && p->live_blocks == 2);
	assert_true(p->op_counts[MFT_OP_REALLOC_RELEASE] == 4);
	profile_free(p);
}

/* While a realloc is under way its block still counts: another thread's peak is neither
 * too low nor, where the realloc turns out to have freed, too high. */
static void no_peak_between_the_halves(void **state)
{
	struct profile *p;

	(void)state;
	s2 = dump_writer_stream(&writer, 103);
	dump_clock(s1, 10);
	dump_malloc(s1, 0x1000, 100, a);
	dump_clock(s1, 20);
	dump_release(s1, MFT_OP_REALLOC_RELEASE, 0x1000);
	dump_clock(s2, 30);
	dump_malloc(s2, 0x1000, 50, MFT_NODE_ROOT); /* where the block was: 150 */
	dump_clock(s2, 40);
	dump_free(s2, 0x1000);
	dump_clock(s1, 50);
	dump_reacquire(s1);
	dump_clock(s1, 60);
	dump_release(s1, MFT_OP_REALLOC_RELEASE, 0x1000); /* frees */
	dump_clock(s2, 70);
	dump_malloc(s2, 0x2000, 149, MFT_NODE_ROOT);
	dump_clock(s1, 80);
	dump_malloc(s1, 0x3000, 1, b);
	p = replay(MFT_STATE_EXITED);
	assert_true(p->peak_bytes == 150 && p->peak_blocks == 2);
	assert_true(p->peak_time_ns == 30 * 64);
	assert_true(site(p, 0xa0)->peak_bytes == 100);
	assert_true(site(p, 0xa0)->lifetime_ns_sum == 50 * 64);
	assert_true(p->live_bytes == 150 && p->frees == 2);
	assert_true(p->double_allocations == 0 && p->unmatched_frees == 0);
	profile_free(p);
}

/* The second half may be the first record of the next chunk. */
static void reallocs_span_chunks(void **state)
{
	const uint64_t rounds = 5000;
	struct profile *p;

	(void)state;
	dump_malloc(s1, 0x1000, 8, a);
	for (uint64_t i = 0; i < rounds; i++) {
		dump_release(s1, MFT_OP_REALLOC_RELEASE, 0x1000);
		dump_alloc(s1, MFT_OP_REALLOC, 0x1000, 8 + i % 3, 0, b);
		dump_release(s1, MFT_OP_REALLOC_RELEASE, 0x1000);
		dump_reacquire(s1);
	}
	p = replay(MFT_STATE_EXITED);
	assert_null(p->damage);
	assert_true(p->allocations == rounds + 1 && p->reallocs == rounds);
	assert_true(p->frees == rounds && p->live_blocks == 1 && p->peak_blocks == 1);
	assert_true(p->temporary_allocations == 0 && p->peak_bytes == 10);
	profile_free(p);
}

static void lost_events_do_not_break_the_totals(void **state)
{
	struct profile *p;

	(void)state;
	dump_malloc(s1, 0x1000, 100, a);
	dump_malloc(s1, 0x1000, 30, b); /* its free was lost */
	dump_free(s1, 0x1000);
	dump_free(s1, 0x1000);
	p = replay(MFT_STATE_RUNNING);
	assert_true(p->double_allocations == 1 && p->unmatched_frees == 1);
	assert_true(p->allocations == 2 && p->frees == 2 && p->live_blocks == 0);
	assert_true(p->live_bytes == 0 && p->freed_bytes == 130);
	profile_free(p);
}

static void nested_streams_are_no_threads(void **state)
{
	struct profile *p;

	(void)state;
	s1->flags = 0;
	s2 = dump_writer_stream(&writer, 101);
	s2->flags = MFT_CHUNK_FLAG_NESTED;
	((struct mft_chunk *)s2->chunk)->flags = s2->flags;
	dump_malloc(s2, 0x1000, 100, MFT_NODE_ROOT);
	p = replay(MFT_STATE_EXITED);
	assert_true(p->threads == 1 && p->allocations == 1);
	profile_free(p);
}

static void node_numbers_start_anew(void **state)
{
	struct profile *p;

	(void)state;
	dump_malloc(s1, 0x1000, 1, c);
	dump_long(s1, MFT_OP_NODES_RESET, NULL, 0);
	dump_node(s1, MFT_NODE_ROOT, 1, 0x10);
	dump_node(s1, 2, 1, 0xc0);
	dump_malloc(s1, 0x2000, 1, 3); /* was a: now c again */
	dump_malloc(s1, 0x3000, 1, 4); /* not defined any more */
	dump_malloc(s1, 0x4000, 1, 3);
	p = replay(MFT_STATE_EXITED);
	assert_true(p->sites_count == 1 && site(p, 0xc0)->allocations == 2);
	assert_non_null(p->damage);
	assert_non_null(strstr(p->damage, "node 4"));
	assert_true(p->damage_offset > MFT_HEADER_BYTES);
	profile_free(p);
}

static void nonsense_is_damage(void **state)
{
	static const uint8_t nothing[1] = {0xff};
	struct profile *p;

	(void)state;
	dump_malloc(s1, 0x1000, 1, a);
	dump_long(s1, 0xf0, nothing, 1); /* of a newer minor version: fine */
	dump_long(s1, MFT_OP_FAILED, nothing, 0);
	dump_malloc(s1, 0x2000, 1, a);
	dump_reacquire(s1); /* of no realloc: the stream ends */
	dump_malloc(s1, 0x3000, 1, a);
	p = replay(MFT_STATE_EXITED);
	assert_true(p->allocations == 2);
	assert_non_null(strstr(p->damage, "0x85"));
	profile_free(p);
}

static void progress_comes_to_an_end(void *context, uint64_t done, uint64_t total)
{
	uint64_t *calls = context;

	assert_true(done <= total);
	(*calls)++;
}

/* The plain model: an array of live blocks, sums made anew after each event. */
#define SLOTS 64
#define NODES 3

struct plain {
	uint64_t size[SLOTS];
	unsigned site[SLOTS];
	uint64_t peak, peak_of[NODES], live_of[NODES], allocations;
};

static void plain_look(struct plain *plain)
{
	uint64_t sum = 0;

	memset(plain->live_of, 0, sizeof(plain->live_of));
	for (size_t i = 0; i < SLOTS; i++) {
		sum += plain->size[i];
		if (plain->size[i])
			plain->live_of[plain->site[i]] += plain->size[i];
	}
	if (sum > plain->peak) {
		plain->peak = sum;
		memcpy(plain->peak_of, plain->live_of, sizeof(plain->live_of));
	}
}

static void agrees_with_a_plain_model(void **state)
{
	static struct plain plain;
	uint32_t nodes[NODES] = {a, b, c};
	uint64_t random = 4, calls = 0, clock = 0;
	struct complaint complaint;
	struct profile *p;

	(void)state;
	memset(&plain, 0, sizeof(plain));
	s2 = dump_writer_stream(&writer, 103);
	dump_node(s2, MFT_NODE_ROOT, 1, 0x10);
	for (unsigned i = 0; i < NODES; i++)
		dump_node(s2, 2, 1, 0xa0 + 0x10 * i);
	for (int step = 0; step < 150000; step++) {
		struct dump_stream *s;
		unsigned slot, node;

		random = random * 6364136223846793005u + 1442695040888963407u;
		slot = (unsigned)(random >> 40) % SLOTS;
		node = (unsigned)(random >> 50) % NODES;
		s = random >> 62 ? s1 : s2;
		dump_clock(s, ++clock);
		if (plain.size[slot]) {
			dump_free(s, 0x1000 + slot * 0x1000);
			plain.size[slot] = 0;
		} else {
			plain.size[slot] = 1 + (random >> 30) % 1000;
			plain.site[slot] = node;
			plain.allocations++;
			dump_malloc(s, 0x1000 + slot * 0x1000, plain.size[slot],
				    nodes[node]);
		}
		plain_look(&plain);
	}
	assert_int_equal(dump_writer_close(&writer, MFT_STATE_EXEC), 0);
	assert_int_equal(
		replay_dump(scratch.path, progress_comes_to_an_end, &calls, &p, &complaint),
		0);
	assert_true(calls > 1);
	assert_true(p->sites_count == NODES && p->allocations == plain.allocations);
	assert_true(p->peak_bytes == plain.peak);
	for (unsigned i = 0; i < NODES; i++) {
		assert_true(site(p, 0xa0 + 0x10 * i)->peak_bytes == plain.peak_of[i]);
		assert_true(site(p, 0xa0 + 0x10 * i)->live_bytes == plain.live_of[i]);
	}
	assert_true(p->double_allocations == 0 && p->unmatched_frees == 0);
	profile_free(p);
}

/* An allocator that could not say how large its block is: as large as was asked for. */
static void usable_is_no_less_than_asked(void **state)
{
	struct profile *p;

	(void)state;
	dump_alloc(s1, MFT_OP_MALLOC, 0x1000, 100, 40, a);
	dump_alloc(s1, MFT_OP_MALLOC, 0x2000, 100, 120, a);
	p = replay(MFT_STATE_EXITED);
	assert_true(p->live_bytes == 200 && p->live_usable_bytes == 220);
	profile_free(p);
}

#define REPLAY_TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		REPLAY_TEST(facts_and_counts),
		REPLAY_TEST(peak_is_kept_by_site),
		REPLAY_TEST(temporaries),
		REPLAY_TEST(reallocs),
		REPLAY_TEST(no_peak_between_the_halves),
		REPLAY_TEST(reallocs_span_chunks),
		REPLAY_TEST(lost_events_do_not_break_the_totals),
		REPLAY_TEST(usable_is_no_less_than_asked),
		REPLAY_TEST(nested_streams_are_no_threads),
		REPLAY_TEST(node_numbers_start_anew),
		REPLAY_TEST(nonsense_is_damage),
		REPLAY_TEST(agrees_with_a_plain_model),
	};

	return cmocka_run_group_tests_name("replay", tests, NULL, NULL);
}
