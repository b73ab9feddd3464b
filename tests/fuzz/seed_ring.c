/* SPDX-License-Identifier: MIT */
#include "seed_ring.h"

#include <stdint.h>
#include <string.h>

#include "dump_writer.h"
#include "mft_ring.h"

#define CHUNK SEED_RING_CHUNK_BYTES
#define PLACES 9u /* of the state */
#define STREAMS 2u
#define NODES 3u
#define SITES 2u
#define HEAP 0x100000u
#define INNER (MFT_NODE_FIRST + 1)
#define OTHER (MFT_NODE_FIRST + 2)

/* ---- Events that are still there ------------------------------------------------------
 */

static void begin_stream(struct dump_stream *s)
{
	uint32_t outer = dump_node(s, MFT_NODE_ROOT, 1, 0x1000);

	(void)dump_node(s, outer, 1, 0x1100);
	(void)dump_node(s, outer, 1, 0x1200);
	/* Chunks that are folded whole may still be there. */
	while (s->seq < 2) {
		dump_malloc(s, HEAP + 0x20000, 40, INNER);
		dump_free(s, HEAP + 0x20000);
	}
	dump_clock(s, 50);
	dump_malloc(s, HEAP + 0x10000, 40, INNER);
}

static void note_place(const struct dump_stream *from, struct mft_ring_stream *stream)
{
	stream->stream = from->number;
	stream->thread = (uint32_t)from->tid;
	stream->seq = from->seq - 1;
	stream->offset = (uint32_t)(from->encoder.pos - from->chunk);
	stream->nodes = NODES;
	stream->clock = from->encoder.clock;
	stream->address = from->encoder.last_address;
	stream->last_address = HEAP + 0x10000;
	stream->last_birth = 50;
}

static void go_on(struct dump_stream *first, struct dump_stream *second)
{
	dump_clock(first, 110);
	dump_alloc(first, MFT_OP_REALLOC, HEAP + 0x3000, 900, 0, INNER);
	dump_clock(second, 120);
	dump_free(second, HEAP);
	for (uint64_t i = 0; i < 30; i++) {
		dump_clock(first, 130 + i);
		dump_malloc(first, HEAP + 0x5000 + 64 * i, 40 + i, i % 2 ? INNER : OTHER);
		dump_clock(second, 130 + i);
		if (i % 3 == 0)
			dump_free(second, HEAP + 0x5000 + 64 * i / 2);
	}
	dump_snapshot(second, MFT_SNAPSHOT_INTERVAL, 1 << 20);
	dump_snapshot_map(second, MFT_MAP_BRK, HEAP, "##.#");
	dump_snapshot_end(second);
}

/* ---- The state --------------------------------------------------------------------- */

struct state {
	struct mft_ring_root root;
	struct mft_ring_site sites[SITES];
	struct mft_ring_block live[2];
	struct mft_ring_stream streams[STREAMS];
};

/* Five allocations, two frees, one realloc in between; the peak came before that. */
static void fill_state(struct state *s)
{
	s->root = (struct mft_ring_root){.version = MFT_RING_VERSION,
					 .journal_chunks = 2,
					 .ring_bytes = 1 << 20,
					 .facts_chunks = 1,
					 .nodes = NODES,
					 .granules = STREAMS,
					 .sites = SITES,
					 .streams = STREAMS,
					 .live_chunks = 1,
					 .breaks = 1,
					 .totals = {.clock = 100,
						    .records = 20,
						    .allocations = 5,
						    .allocated_bytes = 1000,
						    .frees = 2,
						    .freed_bytes = 200,
						    .temporary = 1,
						    .live_blocks = 3,
						    .live_bytes = 800,
						    .live_usable_bytes = 824,
						    .peak_blocks = 3,
						    .peak_bytes = 850,
						    .peak_clock = 90,
						    .peaks = 4,
						    .threads = STREAMS,
						    .snapshots = 1,
						    .brk_calls = 1},
					 .pieces = {{0x5000, 0x6000}}};
	s->sites[0] = (struct mft_ring_site){.live_bytes = 400,
					     .live_blocks = 2,
					     .live_usable_bytes = 416,
					     .allocations = 4,
					     .allocated_bytes = 600,
					     .freed = 2,
					     .lifetime = 70,
					     .peaks = 4,
					     .peak_bytes = 450,
					     .peak_blocks = 2,
					     .temporary = 1,
					     .node = INNER,
					     .op = MFT_OP_MALLOC};
	s->sites[1] = (struct mft_ring_site){.live_bytes = 400,
					     .live_blocks = 1,
					     .live_usable_bytes = 408,
					     .allocations = 1,
					     .allocated_bytes = 400,
					     .peaks = 3,
					     .node = OTHER,
					     .op = MFT_OP_CALLOC};
	s->live[0] = (struct mft_ring_block){HEAP, 100, 112, 60, 0, 10};
	s->live[1] = (struct mft_ring_block){HEAP + 0x1000, 400, 408, 70, 1, 11};
	s->streams[0].half = MFT_RING_HALF_BLOCK;
	s->streams[0].half_op = MFT_OP_REALLOC_RELEASE;
	s->streams[0].half_clock = 100;
	s->streams[0].released =
		(struct mft_ring_block){HEAP + 0x2000, 300, 304, 80, 0, 10};
}

static uint32_t put_facts(uint8_t *bytes, size_t room)
{
	const struct mft_module module = {.id = 1,
					  .bias = 0x400000,
					  .start = 0x400000,
					  .end = 0x410000,
					  .path = {(const uint8_t *)"/bin/prog", 9}};
	struct mft_encoder encoder;
	struct mft_long record;

	mft_encoder_init(&encoder, bytes, bytes + room - MFT_ENCODE_SLACK, 0);
	mft_long_begin(&encoder, &record, 64);
	mft_long_varint(&record, 0);
	mft_long_bytes(&record, "/bin/prog", 9);
	mft_long_bytes(&record, "/", 1);
	mft_long_bytes(&record, "prog", 5);
	(void)mft_long_end(&encoder, &record, MFT_OP_PROCESS);
	(void)mft_put_module(&encoder, &module);
	mft_long_begin(&encoder, &record, 64);
	mft_long_varint(&record, 10);
	mft_long_bytes(&record, "main", 4);
	(void)mft_long_end(&encoder, &record, MFT_OP_THREAD);
	return (uint32_t)(encoder.pos - bytes);
}

static int put_place(const char *path, uint32_t place, enum mft_ring_kind kind,
		     uint32_t seq, const void *contents, size_t bytes)
{
	const struct mft_chunk header = {.magic = MFT_CHUNK_MAGIC,
					 .kind = (uint16_t)kind,
					 .header_bytes = MFT_RING_CONTENTS,
					 .seq = seq};
	const uint64_t offset = MFT_HEADER_BYTES + (uint64_t)place * CHUNK;
	int r = dump_patch(path, offset, &header, sizeof(header));

	return r < 0 ? r : dump_patch(path, offset + sizeof(header), contents, bytes);
}

/* The first live block was changed by the step, and the sum of a site. */
static int put_step(const char *path, struct state *s)
{
	const uint64_t site = MFT_HEADER_BYTES + 6 * CHUNK + MFT_RING_CONTENTS;
	const uint64_t block = MFT_HEADER_BYTES + 8 * CHUNK + MFT_RING_CONTENTS;
	struct {
		struct mft_ring_undo undo;
		uint64_t live_bytes;
		struct mft_ring_undo again;
		struct mft_ring_block block;
	} journal = {{site, 8, 0},
		     s->sites[0].live_bytes,
		     {block, sizeof(s->live[0]), 0},
		     s->live[0]};

	s->sites[0].live_bytes = 0;
	s->live[0].address = 0;
	s->root.sequence = 7;
	s->root.journal_bytes = sizeof(journal);
	return put_place(path, 1, MFT_RING_JOURNAL, 0, &journal, sizeof(journal));
}

static int put_state(const char *path, struct state *s, bool within_step)
{
	static const struct mft_ring_node nodes[NODES] = {{0x1000, MFT_NODE_ROOT, 2},
							  {0x1100, MFT_NODE_FIRST, 2},
							  {0x1200, MFT_NODE_FIRST, 3}};
	struct mft_ring_granule granules[STREAMS] = {{.stream = 0}, {.stream = 1}};
	uint8_t facts[256] = {0};
	int r;

	for (uint32_t i = 0; i < STREAMS; i++)
		for (uint32_t j = 0; j < NODES; j++)
			granules[i].nodes[j] = MFT_NODE_FIRST + j;
	s->root.facts_bytes = MFT_RING_CONTENTS + put_facts(facts, sizeof(facts));
	r = within_step ? put_step(path, s)
			: put_place(path, 1, MFT_RING_JOURNAL, 0, "", 0);
	if (r == 0)
		r = put_place(path, 0, MFT_RING_ROOT, 0, &s->root, sizeof(s->root));
	if (r == 0)
		r = put_place(path, 3, MFT_RING_FACTS, 0, facts, sizeof(facts));
	if (r == 0)
		r = put_place(path, 4, MFT_RING_NODES, 0, nodes, sizeof(nodes));
	if (r == 0)
		r = put_place(path, 5, MFT_RING_NODEMAP, 0, granules, sizeof(granules));
	if (r == 0)
		r = put_place(path, 6, MFT_RING_SITES, 0, s->sites, sizeof(s->sites));
	if (r == 0)
		r = put_place(path, 7, MFT_RING_STREAMS, 0, s->streams, sizeof(s->streams));
	if (r == 0)
		r = put_place(path, 8, MFT_RING_LIVE, 0, s->live, sizeof(s->live));
	return r;
}

int seed_ring_write(const char *path, bool within_step)
{
	struct dump_stream *first, *second;
	struct dump_writer writer;
	struct state state = {.root = {.version = 0}};
	int r = dump_writer_open(&writer, path, CHUNK);

	if (r < 0)
		return r;
	writer.header.mode = MFT_MODE_RING;
	writer.header.chunks = PLACES;
	first = dump_writer_stream(&writer, 10);
	second = dump_writer_stream(&writer, 11);
	if (first && second) {
		begin_stream(first);
		begin_stream(second);
		fill_state(&state);
		note_place(first, &state.streams[0]);
		note_place(second, &state.streams[1]);
		go_on(first, second);
	}
	r = dump_writer_close(&writer, MFT_STATE_RUNNING);
	return r < 0 ? r : put_state(path, &state, within_step);
}
