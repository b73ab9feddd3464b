/* SPDX-License-Identifier: MIT */
/*
 * make_dump.c - writes a dump of a churning program, to measure the analyzer with.
 *
 * make_dump FILE EVENTS LIVE STACKS [STREAMS [SNAPSHOTS]]: allocations fill LIVE blocks,
 * then blocks chosen at random (always the same ones) are freed and replaced. STACKS
 * distinct stacks, 12 frames deep; each of STREAMS threads works in slices of time.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "dump_writer.h"

#define DEPTH 12
#define SLICE 64 /* events of a thread at a time */
#define HEAP_START 0x555500000000u
#define BLOCK_STRIDE 512u

struct churn {
	struct dump_writer writer;
	struct dump_stream **streams;
	uint32_t *stacks; /* stacks of stream s at s * stacks_count */
	size_t stacks_count, streams_count;
	uint64_t *slots; /* address in use, or 0 */
	size_t live;
	uint64_t random;
};

static uint64_t next_random(struct churn *churn)
{
	/* Marsaglia, "Xorshift RNGs", 2003. */
	churn->random ^= churn->random << 13;
	churn->random ^= churn->random >> 7;
	churn->random ^= churn->random << 17;
	return churn->random;
}

static void define_stacks(struct churn *churn, size_t stream)
{
	struct dump_stream *s = churn->streams[stream];

	for (size_t i = 0; i < churn->stacks_count; i++) {
		uint32_t node = MFT_NODE_ROOT;

		/* Stacks part from each other at different depths. */
		for (unsigned depth = 0; depth < DEPTH; depth++)
			node = dump_node(s, node, 1,
					 0x1000 + depth * 0x100000 +
						 (i >> (DEPTH - 1 - depth)) * 16);
		churn->stacks[stream * churn->stacks_count + i] = node;
	}
}

static void snapshot(struct churn *churn, struct dump_stream *s)
{
	uint64_t bytes = (churn->live * BLOCK_STRIDE + 4095) & ~(uint64_t)4095;
	uint8_t runs[32], *p = mft_put_varint(runs, 0);
	struct mft_snapshot_map map = {
		.kind = MFT_MAP_BRK,
		.start = HEAP_START,
		.length = bytes,
		.resident_bytes = bytes,
	};

	p = mft_put_varint(p, bytes / 4096);
	map.runs = (struct mft_bytes){runs, (size_t)(p - runs)};
	dump_snapshot(s, MFT_SNAPSHOT_INTERVAL, bytes);
	if (dump_room(s, 128))
		mft_put_snapshot_map(&s->encoder, &map);
	dump_snapshot_end(s);
}

/* Fills the slots; from then on empties one at random and gives its address to the next
 * block, as an allocator would. */
static void churn_run(struct churn *churn, uint64_t events, uint64_t snapshots)
{
	uint64_t every = snapshots ? events / snapshots : 0;
	size_t filled = 0, slot = 0;

	for (uint64_t i = 0; i < events; i++) {
		size_t stream = i / SLICE % churn->streams_count;
		struct dump_stream *s = churn->streams[stream];

		if (i % SLICE == 0)
			dump_clock(s, i);
		if (filled < churn->live)
			slot = filled++;
		if (churn->slots[slot]) {
			slot = next_random(churn) % churn->live;
			dump_free(s, churn->slots[slot]);
			churn->slots[slot] = 0;
		} else {
			uint64_t size = 8 + next_random(churn) % 480;
			size_t stack = next_random(churn) % churn->stacks_count;

			churn->slots[slot] = HEAP_START + slot * BLOCK_STRIDE + 16;
			dump_malloc(s, churn->slots[slot], size,
				    churn->stacks[stream * churn->stacks_count + stack]);
		}
		if (every && (i + 1) % every == 0)
			snapshot(churn, s);
	}
}

static int make(struct churn *churn, uint64_t events, uint64_t snapshots)
{
	static const char argv[] = "churn";

	churn->streams = calloc(churn->streams_count, sizeof(*churn->streams));
	churn->stacks =
		calloc(churn->streams_count * churn->stacks_count, sizeof(*churn->stacks));
	churn->slots = calloc(churn->live, sizeof(*churn->slots));
	if (!churn->streams || !churn->stacks || !churn->slots)
		return -ENOMEM;
	for (size_t i = 0; i < churn->streams_count; i++) {
		churn->streams[i] = dump_writer_stream(&churn->writer, 100 + (int)i);
		if (!churn->streams[i])
			return -ENOMEM;
		if (i == 0) {
			dump_process(churn->streams[0], "/usr/bin/churn", "/", argv,
				     sizeof(argv));
			dump_module(churn->streams[0], 1, 0x400000, "/usr/bin/churn");
		}
		define_stacks(churn, i);
	}
	churn_run(churn, events, snapshots);
	return 0;
}

static uint64_t number(int argc, char **argv, int i, uint64_t otherwise)
{
	return i < argc ? strtoull(argv[i], NULL, 10) : otherwise;
}

int main(int argc, char **argv)
{
	struct churn churn = {.random = 88172645463325252u};
	uint64_t events = number(argc, argv, 2, 0);
	int r, closed;

	churn.live = number(argc, argv, 3, 0);
	churn.stacks_count = number(argc, argv, 4, 0);
	churn.streams_count = number(argc, argv, 5, 1);
	if (argc < 5 || events == 0 || churn.live == 0 || churn.stacks_count == 0 ||
	    churn.streams_count == 0) {
		fprintf(stderr,
			"usage: make_dump FILE EVENTS LIVE STACKS [STREAMS [SNAPSHOTS]]\n");
		return 2;
	}
	r = dump_writer_open(&churn.writer, argv[1], MFT_CHUNK_BYTES_DEFAULT);
	if (r == 0) {
		r = make(&churn, events, number(argc, argv, 6, 0));
		closed = dump_writer_close(&churn.writer, MFT_STATE_EXITED);
		if (r == 0)
			r = closed;
	}
	if (r < 0)
		fprintf(stderr, "make_dump: %s: cannot write: %s\n", argv[1], strerror(-r));
	free(churn.streams);
	free(churn.stacks);
	free(churn.slots);
	return r < 0;
}
