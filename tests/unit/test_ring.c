/* SPDX-License-Identifier: MIT */
/*
 * Ring dumps, cut at each of the events of a script: whatever was folded, the profile is
 * that of a full dump. What the state says comes from a model of this test's own.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "complaint.h"
#include "dump_writer.h"
#include "mft_ring.h"
#include "profile.h"
#include "replay.h"
#include "scratch.h"

#define CHUNK 4096u
#define STATE_CHUNKS 8u
#define STREAMS 2u
#define NODE_A (MFT_NODE_FIRST + 1)
#define NODE_B (MFT_NODE_FIRST + 2)
#define NODES 3u

struct op {
	uint8_t stream;
	uint8_t op;
	uint16_t clock;
	uint64_t address, size;
	uint32_t node;
};

/* Temporary blocks and such that only look so, reallocs that move, fail, free, and are of
 * unknown blocks; in two streams, with peaks in the middle. */
static const struct op script[] = {
	{0, MFT_OP_MALLOC, 10, 0x1000, 100, NODE_A},
	{1, MFT_OP_MALLOC, 11, 0x2000, 200, NODE_B},
	{0, MFT_OP_MALLOC, 12, 0x3000, 50, NODE_B},
	{0, MFT_OP_FREE, 13, 0x3000, 0, 0},
	{0, MFT_OP_REALLOC_RELEASE, 14, 0x1000, 0, 0},
	{1, MFT_OP_CALLOC, 15, 0x4000, 700, NODE_A},
	{0, MFT_OP_REALLOC, 16, 0x1100, 900, NODE_A},
	{1, MFT_OP_FREE, 17, 0x1100, 0, 0},
	{0, MFT_OP_MALLOC, 18, 0x1000, 10, NODE_B},
	{0, MFT_OP_REALLOC_RELEASE, 19, 0x1000, 0, 0},
	{0, MFT_OP_REACQUIRE, 20, 0, 0, 0},
	{0, MFT_OP_FREE, 21, 0x1000, 0, 0},
	{1, MFT_OP_FREE, 22, 0x9990, 0, 0},
	{1, MFT_OP_REALLOC_RELEASE, 23, 0x8880, 0, 0},
	{1, MFT_OP_REALLOC, 24, 0x8000, 30, NODE_B},
	{1, MFT_OP_REALLOC_RELEASE, 25, 0x8000, 0, 0},
	{1, MFT_OP_MALLOC, 26, 0x8100, 5, NODE_B},
	{0, MFT_OP_FAILED, 27, 0, 1 << 20, NODE_B},
	{1, MFT_OP_FREE, 28, 0x2000, 0, 0},
	{0, MFT_OP_MALLOC, 29, 0x5000, 3000, NODE_B},
	{0, MFT_OP_MALLOC, 30, 0x5000, 1000, NODE_A},
	{0, MFT_OP_FREE, 31, 0x5000, 0, 0},
	{1, MFT_OP_FREE, 32, 0x8100, 0, 0},
};
#define OPS (sizeof(script) / sizeof(script[0]))

/* ---- What the state is to say ------------------------------------------------------- */

struct state {
	struct mft_ring_totals totals;
	struct mft_ring_site sites[2]; /* in the order of their first calls */
	uint32_t count;
	struct mft_ring_block live[16];
	struct mft_ring_stream streams[STREAMS];
};

static uint32_t state_site(struct state *s, uint32_t node, uint8_t op)
{
	for (uint32_t i = 0; i < s->count; i++)
		if (s->sites[i].node == node)
			return i;
	s->sites[s->count] = (struct mft_ring_site){.node = node, .op = op};
	return s->count++;
}

static struct mft_ring_block *find(struct state *s, uint64_t address)
{
	for (size_t i = 0; i < sizeof(s->live) / sizeof(s->live[0]); i++)
		if (s->live[i].address == address)
			return &s->live[i];
	return NULL;
}

static void end_block(struct state *s, const struct mft_ring_block *block, uint64_t clock,
		      bool temporary)
{
	struct mft_ring_site *site = &s->sites[block->site];

	site->live_bytes -= block->size;
	site->live_usable_bytes -= block->usable;
	site->live_blocks--;
	site->freed++;
	site->lifetime += clock - block->birth;
	site->temporary += temporary;
	s->totals.live_bytes -= block->size;
	s->totals.live_usable_bytes -= block->usable;
	s->totals.live_blocks--;
	s->totals.frees++;
	s->totals.freed_bytes += block->size;
	s->totals.temporary += temporary;
}

static void settle(struct state *s, struct mft_ring_stream *stream, bool moved)
{
	if (stream->half == MFT_RING_HALF_BLOCK) {
		s->totals.reallocs += moved;
		end_block(s, &stream->released, stream->half_clock,
			  !moved && stream->half_temporary);
	} else if (stream->half == MFT_RING_HALF_UNKNOWN) {
		s->totals.unmatched_frees++;
	}
	stream->half = MFT_RING_HALF_NONE;
}

static void note_peak(struct state *s, uint64_t clock)
{
	struct mft_ring_totals *t = &s->totals;

	if (t->live_bytes > t->peak_bytes) {
		t->peak_bytes = t->live_bytes;
		t->peak_blocks = t->live_blocks;
		t->peak_clock = clock;
		t->peaks++;
		for (uint32_t i = 0; i < s->count; i++) {
			s->sites[i].peak_bytes = s->sites[i].live_bytes;
			s->sites[i].peak_blocks = s->sites[i].live_blocks;
		}
	}
	for (uint32_t i = 0; i < s->count; i++)
		s->sites[i].peaks = t->peaks;
}

static void acquire(struct state *s, const struct op *op)
{
	struct mft_ring_stream *stream = &s->streams[op->stream];
	uint64_t usable = mft_usable_guess(op->size);
	uint32_t index = state_site(s, op->node, op->op);
	struct mft_ring_site *site = &s->sites[index];
	struct mft_ring_block *block;

	if (stream->half)
		settle(s, stream, true);
	block = find(s, op->address);
	if (block) {
		s->totals.double_allocations++;
		end_block(s, block, op->clock, false);
	} else {
		block = find(s, 0);
		assert_non_null(block);
	}
	*block = (struct mft_ring_block){op->address, op->size, usable,
					 op->clock,   index,	stream->thread};
	site->allocations++;
	site->allocated_bytes += op->size;
	site->live_blocks++;
	site->live_bytes += op->size;
	site->live_usable_bytes += usable;
	s->totals.allocations++;
	s->totals.allocated_bytes += op->size;
	s->totals.live_blocks++;
	s->totals.live_bytes += op->size;
	s->totals.live_usable_bytes += usable;
	s->totals.op_counts[op->op]++;
	stream->last_address = op->address;
	stream->last_birth = op->clock;
	note_peak(s, op->clock);
}

static bool is_last(const struct mft_ring_stream *stream,
		    const struct mft_ring_block *block)
{
	return stream->last_address == block->address && stream->last_birth == block->birth;
}

static void release(struct state *s, const struct op *op)
{
	struct mft_ring_stream *stream = &s->streams[op->stream];
	struct mft_ring_block *block = find(s, op->address);

	s->totals.op_counts[op->op]++;
	if (op->op == MFT_OP_FREE && !block) {
		s->totals.unmatched_frees++;
	} else if (op->op == MFT_OP_FREE) {
		end_block(s, block, op->clock, is_last(stream, block));
		block->address = 0;
	} else {
		stream->half = block ? MFT_RING_HALF_BLOCK : MFT_RING_HALF_UNKNOWN;
		stream->half_op = op->op;
		stream->half_clock = op->clock;
		stream->half_temporary = block && is_last(stream, block);
		if (block) {
			stream->released = *block;
			block->address = 0;
		}
	}
}

/* Whether the stream's next event, up to `end`, is known to be no second half. */
static bool known_to_free(size_t i, size_t end)
{
	for (size_t j = i + 1; j < end; j++)
		if (script[j].stream == script[i].stream && script[j].op != MFT_OP_FAILED)
			return script[j].op != MFT_OP_REALLOC &&
			       script[j].op != MFT_OP_REACQUIRE;
	return false;
}

static void fold(struct state *s, size_t end)
{
	for (size_t i = 0; i < end; i++) {
		const struct op *op = &script[i];
		struct mft_ring_stream *stream = &s->streams[op->stream];

		s->totals.clock = op->clock;
		s->totals.records++;
		if (op->op == MFT_OP_FAILED) {
			s->sites[state_site(s, op->node, MFT_OP_MALLOC)].failed++;
			s->totals.failed++;
		} else if (op->op == MFT_OP_REACQUIRE) {
			*find(s, 0) = stream->released;
			stream->half = MFT_RING_HALF_NONE;
			s->totals.op_counts[stream->half_op]--;
		} else if (mft_op_is_free(op->op)) {
			release(s, op);
			if (stream->half && known_to_free(i, end))
				settle(s, stream, false);
		} else {
			acquire(s, op);
		}
	}
}

/* ---- The file ----------------------------------------------------------------------- */

static struct scratch scratch;
static struct dump_writer writer;
static struct dump_stream *streams[STREAMS];

static void put_op(const struct op *op)
{
	struct dump_stream *stream = streams[op->stream];

	dump_clock(stream, op->clock);
	if (op->op == MFT_OP_FAILED)
		dump_failed(stream, MFT_OP_MALLOC, op->size, op->node);
	else if (op->op == MFT_OP_REACQUIRE)
		dump_reacquire(stream);
	else if (mft_op_is_free(op->op))
		dump_release(stream, op->op, op->address);
	else
		dump_alloc(stream, op->op, op->address, op->size, 0, op->node);
}

static void note_place(struct state *s)
{
	for (uint32_t i = 0; i < STREAMS; i++) {
		const struct dump_stream *from = streams[i];

		s->streams[i].seq = from->seq ? from->seq - 1 : 0;
		s->streams[i].offset = (uint32_t)(from->encoder.pos - from->chunk);
		s->streams[i].clock = from->encoder.clock;
		s->streams[i].address = from->encoder.last_address;
		s->streams[i].nodes = NODES;
	}
}

/* Writes the dump with its first `folded` events as a state, SIZE_MAX: as a full one. */
static void put_events(size_t folded, struct state *s)
{
	assert_int_equal(dump_writer_open(&writer, scratch.path, CHUNK), 0);
	if (folded != SIZE_MAX) {
		writer.header.mode = MFT_MODE_RING;
		writer.header.chunks = STATE_CHUNKS;
	}
	for (uint32_t i = 0; i < STREAMS; i++) {
		uint32_t outer;

		streams[i] = dump_writer_stream(&writer, (int32_t)(100 + i));
		if (i == 0)
			dump_module(streams[0], 1, 0x400000, "/bin/prog");
		outer = dump_node(streams[i], MFT_NODE_ROOT, 1, 0x10);
		assert_int_equal(dump_node(streams[i], outer, 1, 0xa0), NODE_A);
		assert_int_equal(dump_node(streams[i], outer, 1, 0xb0), NODE_B);
	}
	for (size_t i = 0; i <= OPS; i++) {
		if (i == folded)
			note_place(s);
		if (i < OPS)
			put_op(&script[i]);
	}
	assert_int_equal(dump_writer_close(&writer, MFT_STATE_RUNNING), 0);
}

static void put_chunk(uint32_t place, enum mft_ring_kind kind, const void *contents,
		      size_t bytes)
{
	uint8_t image[CHUNK] = {0};
	const struct mft_chunk header = {.magic = MFT_CHUNK_MAGIC,
					 .kind = (uint16_t)kind,
					 .header_bytes = MFT_RING_CONTENTS};

	assert_true(bytes <= CHUNK - MFT_RING_CONTENTS);
	memcpy(image, &header, sizeof(header));
	memcpy(image + MFT_RING_CONTENTS, contents, bytes);
	assert_int_equal(dump_patch(scratch.path, MFT_HEADER_BYTES + place * CHUNK, image,
				    sizeof(image)),
			 0);
}

static void put_state(const struct state *s)
{
	static const struct mft_ring_node nodes[NODES] = {{0x10, MFT_NODE_ROOT, 2},
							  {0xa0, MFT_NODE_FIRST, 2},
							  {0xb0, MFT_NODE_FIRST, 2}};
	struct mft_ring_granule granules[STREAMS];
	struct mft_ring_root root = {.version = MFT_RING_VERSION,
				     .journal_chunks = 1,
				     .facts_chunks = 1,
				     .nodes = NODES,
				     .granules = STREAMS,
				     .sites = s->count,
				     .streams = STREAMS,
				     .live_chunks = 1,
				     .totals = s->totals};
	uint8_t facts[256] = {0};
	const struct mft_module module = {.id = 1,
					  .bias = 0x400000,
					  .start = 0x400000,
					  .end = 0x500000,
					  .path = {(const uint8_t *)"/bin/prog", 9}};
	struct mft_encoder encoder;

	memset(granules, 0, sizeof(granules));
	for (uint32_t i = 0; i < STREAMS; i++) {
		granules[i].stream = i;
		for (uint32_t j = 0; j < NODES; j++)
			granules[i].nodes[j] = MFT_NODE_FIRST + j;
	}
	mft_encoder_init(&encoder, facts, facts + sizeof(facts) - MFT_ENCODE_SLACK, 0);
	assert_int_equal(mft_put_module(&encoder, &module), 0);
	root.facts_bytes = MFT_RING_CONTENTS + (uint32_t)(encoder.pos - facts);
	put_chunk(0, MFT_RING_ROOT, &root, sizeof(root));
	put_chunk(1, MFT_RING_JOURNAL, "", 0);
	put_chunk(2, MFT_RING_FACTS, facts, sizeof(facts));
	put_chunk(3, MFT_RING_NODES, nodes, sizeof(nodes));
	put_chunk(4, MFT_RING_NODEMAP, granules, sizeof(granules));
	put_chunk(5, MFT_RING_SITES, s->sites, s->count * sizeof(s->sites[0]));
	put_chunk(6, MFT_RING_STREAMS, s->streams, sizeof(s->streams));
	put_chunk(7, MFT_RING_LIVE, s->live, sizeof(s->live));
}

static struct profile *replay(void)
{
	struct complaint complaint = {""};
	struct profile *profile;

	assert_int_equal(replay_dump(scratch.path, NULL, NULL, &profile, &complaint), 0);
	return profile;
}

static struct profile *replay_folded(size_t folded)
{
	struct state s;

	memset(&s, 0, sizeof(s));
	for (uint32_t i = 0; i < STREAMS; i++) {
		s.streams[i].stream = i;
		s.streams[i].thread = 100 + i;
	}
	s.totals.threads = STREAMS;
	fold(&s, folded);
	put_events(folded, &s);
	put_state(&s);
	return replay();
}

/* ---- The tests ---------------------------------------------------------------------- */

static int setup(void **state)
{
	(void)state;
	scratch_open(&scratch);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	scratch_close(&scratch);
	return 0;
}

static const struct profile_site *site_of(const struct profile *p, uint64_t offset)
{
	for (size_t i = 0; i < p->sites_count; i++)
		if (p->frames[p->sites[i].frame].offset == offset)
			return &p->sites[i];
	fail_msg("no site at 0x%lx", (unsigned long)offset);
	return NULL;
}

static void expect_same_site(const struct profile *a, const struct profile *b,
			     uint64_t offset)
{
	const struct profile_site *x = site_of(a, offset), *y = site_of(b, offset);

	assert_int_equal(x->op, y->op);
	assert_int_equal(x->allocations, y->allocations);
	assert_int_equal(x->allocated_bytes, y->allocated_bytes);
	assert_int_equal(x->live_blocks, y->live_blocks);
	assert_int_equal(x->live_bytes, y->live_bytes);
	assert_int_equal(x->live_usable_bytes, y->live_usable_bytes);
	assert_int_equal(x->peak_blocks, y->peak_blocks);
	assert_int_equal(x->peak_bytes, y->peak_bytes);
	assert_int_equal(x->temporary, y->temporary);
	assert_int_equal(x->freed, y->freed);
	assert_int_equal(x->lifetime_ns_sum, y->lifetime_ns_sum);
	assert_int_equal(x->failed, y->failed);
	assert_memory_equal(x->leaks, y->leaks, sizeof(x->leaks));
	assert_int_equal(x->leak_first_ns, y->leak_first_ns);
	assert_int_equal(x->leak_last_ns, y->leak_last_ns);
	assert_int_equal(x->leak_thread, y->leak_thread);
}

static void expect_same(const struct profile *full, const struct profile *ring)
{
	assert_null(ring->damage);
	assert_int_equal(ring->sites_count, full->sites_count);
	assert_int_equal(ring->events, full->events);
	assert_int_equal(ring->allocations, full->allocations);
	assert_int_equal(ring->frees, full->frees);
	assert_int_equal(ring->reallocs, full->reallocs);
	assert_int_equal(ring->failed, full->failed);
	assert_int_equal(ring->threads, full->threads);
	assert_int_equal(ring->unmatched_frees, full->unmatched_frees);
	assert_int_equal(ring->double_allocations, full->double_allocations);
	assert_int_equal(ring->allocated_bytes, full->allocated_bytes);
	assert_int_equal(ring->freed_bytes, full->freed_bytes);
	assert_int_equal(ring->temporary_allocations, full->temporary_allocations);
	assert_int_equal(ring->peak_bytes, full->peak_bytes);
	assert_int_equal(ring->peak_blocks, full->peak_blocks);
	assert_int_equal(ring->peak_time_ns, full->peak_time_ns);
	assert_int_equal(ring->live_bytes, full->live_bytes);
	assert_int_equal(ring->live_blocks, full->live_blocks);
	assert_int_equal(ring->live_usable_bytes, full->live_usable_bytes);
	assert_int_equal(ring->duration_ns, full->duration_ns);
	assert_memory_equal(ring->op_counts, full->op_counts, sizeof(ring->op_counts));
	expect_same_site(full, ring, 0xa0);
	expect_same_site(full, ring, 0xb0);
}

static void any_event_can_be_the_first_that_is_left(void **state)
{
	struct profile *full;

	(void)state;
	put_events(SIZE_MAX, NULL);
	full = replay();
	/* The script is about all of these. */
	assert_int_equal(full->temporary_allocations, 5);
	assert_int_equal(full->reallocs, 1);
	assert_int_equal(full->double_allocations, 1);
	assert_int_equal(full->unmatched_frees, 2);
	for (size_t folded = 0; folded <= OPS; folded++) {
		struct profile *ring = replay_folded(folded);

		expect_same(full, ring);
		assert_int_equal(ring->window.start_ns,
				 folded ? script[folded - 1].clock * 64u : 0);
		profile_free(ring);
	}
	profile_free(full);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(any_event_can_be_the_first_that_is_left,
						setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
