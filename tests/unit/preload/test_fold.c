/* SPDX-License-Identifier: MIT */
/*
 * The fold against a model that does the same in the plainest way: random events of several
 * streams, of whose chunks the oldest are folded again and again. And that every step can
 * be undone.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "fold.h"
#include "places.h"
#include "workdir.h"

#define STREAMS 3u
#define ADDRESSES 6000u
#define SITES 5u
#define EVENTS 400000u
#define RING_BYTES (512u << 10)

struct writer {
	struct mft_encoder encoder;
	struct fold_stream *stream;
	uint32_t seq;
	uint64_t last; /* what it allocated last, by number */
};

/* What the events come to, as the plainest program would say. */
struct truth {
	uint64_t size[ADDRESSES];
	uint32_t site[ADDRESSES];
	bool is_live[ADDRESSES];
	uint64_t number[ADDRESSES]; /* of the allocation; counts */
	uint64_t count;
	uint64_t allocations[SITES], freed[SITES], bytes[SITES];
	uint64_t live_blocks, live_bytes, peak_bytes, peak_blocks, temporary, reallocs;
	uint64_t peak_of_site[SITES];
};

struct bench {
	struct dumpfile file;
	struct places places;
	struct fold fold;
	struct writer writers[STREAMS];
	struct truth truth;
	uint64_t clock, random;
};

static uint64_t next_random(struct bench *bench)
{
	/* Marsaglia, "Xorshift RNGs", 2003. */
	bench->random ^= bench->random << 13;
	bench->random ^= bench->random >> 7;
	bench->random ^= bench->random << 17;
	return bench->random >> 11;
}

/* ---- A dump ----------------------------------------------------------------------- */

static int set_up(void **state)
{
	static struct mft_header header;
	struct bench *bench = calloc(1, sizeof(*bench));
	const char *directory = workdir_make();
	char path[300];

	assert_non_null(bench);
	assert_non_null(directory);
	(void)snprintf(path, sizeof(path), "%s/dump", directory);
	header.header_bytes = MFT_HEADER_BYTES;
	header.chunk_bytes = MFT_CHUNK_BYTES_DEFAULT;
	assert_int_equal(dumpfile_create(&bench->file, path, &header), 0);
	assert_int_equal(places_begin(&bench->places, &bench->file, RING_BYTES), 0);
	assert_int_equal(fold_begin(&bench->fold, &bench->places, RING_BYTES), 0);
	bench->random = 88172645463325252u;
	bench->clock = 1;
	*state = bench;
	return 0;
}

static int tear_down(void **state)
{
	struct bench *bench = *state;

	assert_int_equal(unlink(bench->file.path), 0);
	fold_done(&bench->fold);
	places_done(&bench->places);
	dumpfile_abandon(&bench->file);
	workdir_remove();
	free(bench);
	return 0;
}

/* The state before the last step, put together from what is there and the journal. */
struct before {
	struct mft_ring_root root;
	struct mft_ring_block *blocks; /* all slots, chunk by chunk */
	struct mft_ring_site sites[SITES];
	struct mft_ring_stream streams[STREAMS];
	size_t slots;
};

static void copy_state(const struct bench *bench, struct before *before)
{
	const struct fold *fold = &bench->fold;
	const struct fold_state *state = &fold->state;

	memset(before, 0, sizeof(*before));
	before->root = *state->root;
	before->slots = (size_t)fold->blocks.in_chunk * state->root->live_chunks;
	before->blocks = calloc(before->slots + 1, sizeof(*before->blocks));
	assert_non_null(before->blocks);
	for (uint32_t i = 0; i < state->root->live_chunks; i++)
		memcpy(before->blocks + (size_t)i * fold->blocks.in_chunk,
		       fold->blocks.chunks.chunks[i].address + MFT_RING_CONTENTS,
		       fold->blocks.in_chunk * sizeof(*before->blocks));
	assert_true(state->root->sites <= SITES && state->root->streams <= STREAMS);
	for (uint32_t i = 0; i < state->root->sites; i++)
		before->sites[i] = *fold->ledger.sites[i].site;
	if (state->root->streams)
		memcpy(before->streams,
		       state->streams.chunks[0].address + MFT_RING_CONTENTS,
		       state->root->streams * sizeof(before->streams[0]));
}

/* Puts the old bytes back, the last ones first, and keeps those of now. */
static void swap_journal(const struct bench *bench, bool back)
{
	static uint8_t *now[1u << 16];
	static size_t entries;
	const struct fold_state *state = &bench->fold.state;
	static uint64_t at[1u << 16];

	if (back) {
		entries = 0;
		for (uint64_t p = 0; p < state->root->journal_bytes; entries++) {
			struct mft_ring_undo undo;

			assert_true(entries < 1u << 16);
			memcpy(&undo, state->journal + p, sizeof(undo));
			at[entries] = p;
			p += fold_state_entry_bytes(undo.bytes);
		}
	}
	for (size_t n = 0; n < entries; n++) {
		size_t i = back ? entries - 1 - n : n;
		struct mft_ring_undo undo;
		uint8_t *place;

		memcpy(&undo, state->journal + at[i], sizeof(undo));
		place = places_address(&bench->places,
				       (uint32_t)((undo.offset - MFT_HEADER_BYTES) /
						  MFT_CHUNK_BYTES_DEFAULT)) +
			(undo.offset - MFT_HEADER_BYTES) % MFT_CHUNK_BYTES_DEFAULT;
		if (back) {
			now[i] = malloc(undo.bytes);
			assert_non_null(now[i]);
			memcpy(now[i], place, undo.bytes);
			memcpy(place, state->journal + at[i] + sizeof(undo), undo.bytes);
		} else {
			memcpy(place, now[i], undo.bytes);
			free(now[i]);
		}
	}
}

/* That the state is what it was before the last step, once its journal is put back. */
static void check_undo(const struct bench *bench, struct before *before)
{
	struct before undone;

	swap_journal(bench, true);
	copy_state(bench, &undone);
	assert_memory_equal(
		(uint8_t *)&undone.root + offsetof(struct mft_ring_root, facts_chunks),
		(uint8_t *)&before->root + offsetof(struct mft_ring_root, facts_chunks),
		sizeof(undone.root) - offsetof(struct mft_ring_root, facts_chunks));
	assert_int_equal(undone.slots, before->slots);
	for (size_t i = 0; i < undone.slots; i++) {
		assert_int_equal(undone.blocks[i].address, before->blocks[i].address);
		if (undone.blocks[i].address)
			assert_memory_equal(&undone.blocks[i], &before->blocks[i],
					    sizeof(undone.blocks[i]));
	}
	assert_memory_equal(undone.sites, before->sites, sizeof(undone.sites));
	assert_memory_equal(undone.streams, before->streams, sizeof(undone.streams));
	swap_journal(bench, false);
	free(undone.blocks);
	free(before->blocks);
}

/* Folds a little, in one step, and checks that it can be undone. */
static bool fold_a_step(struct bench *bench)
{
	const uint64_t sequence = bench->fold.state.root->sequence;
	struct before before;
	uint64_t bytes = 0;

	copy_state(bench, &before);
	assert_int_equal(fold_run(&bench->fold, 20000, &bytes), 0);
	assert_int_equal(bench->fold.state.root->sequence % 2, 0);
	if (bench->fold.state.root->sequence == sequence + 2)
		check_undo(bench, &before);
	else
		free(before.blocks);
	return bytes > 0;
}

/* ---- Events ----------------------------------------------------------------------- */

static void next_chunk(struct bench *bench, struct writer *writer)
{
	const uint32_t number = (uint32_t)(writer - bench->writers);
	struct mft_chunk *chunk;
	uint32_t place = places_pop(&bench->places);

	if (place == PLACES_NONE &&
	    places_extend(&bench->places, false, &place) == -EAGAIN) {
		while (place == PLACES_NONE && fold_a_step(bench))
			place = places_pop(&bench->places);
		assert_int_not_equal(place, PLACES_NONE);
	}
	chunk = (struct mft_chunk *)(void *)places_address(&bench->places, place);
	places_wipe(&bench->places, place);
	chunk->kind = MFT_CHUNK_EVENTS;
	chunk->header_bytes = sizeof(*chunk);
	chunk->stream = number;
	chunk->seq = writer->seq++;
	chunk->base_clock = bench->clock;
	chunk->magic = MFT_CHUNK_MAGIC;
	if (!writer->stream)
		writer->stream =
			fold_add_stream(&bench->fold, number, false, &writer->encoder);
	assert_non_null(writer->stream);
	fold_stream_link(writer->stream, &bench->places, place);
	mft_encoder_init(&writer->encoder, (uint8_t *)(chunk + 1),
			 (uint8_t *)chunk + MFT_CHUNK_BYTES_DEFAULT - MFT_ENCODE_SLACK,
			 chunk->base_clock);
}

/* Room for a few records, and the time. The nodes of all sites are the stream's first. */
static void begin_event(struct bench *bench, struct writer *writer)
{
	const bool is_new = writer->seq == 0;

	bench->clock += 1 + next_random(bench) % 4;
	if (is_new || !mft_room(&writer->encoder, 8 * MFT_HOT_BYTES_MAX))
		next_chunk(bench, writer);
	for (uint32_t i = 0; is_new && i < SITES; i++)
		mft_put_node(&writer->encoder, MFT_NODE_ROOT, 0, false, 0x1000 + i);
	mft_put_clock(&writer->encoder, bench->clock);
}

static uint64_t address_of(uint32_t i)
{
	return 0x7f0000000010u + 16u * (uint64_t)i * (i % 7 + 1) + ((uint64_t)i << 20);
}

static void count_alloc(struct truth *truth, uint32_t i, uint64_t size, uint32_t site)
{
	truth->is_live[i] = true;
	truth->number[i] = ++truth->count;
	truth->size[i] = size;
	truth->site[i] = site;
	truth->allocations[site]++;
	truth->bytes[site] += size;
	truth->live_blocks++;
	truth->live_bytes += size;
	if (truth->live_bytes > truth->peak_bytes) {
		truth->peak_bytes = truth->live_bytes;
		truth->peak_blocks = truth->live_blocks;
		memcpy(truth->peak_of_site, truth->bytes, sizeof(truth->bytes));
	}
}

static void count_free(struct truth *truth, uint32_t i)
{
	truth->is_live[i] = false;
	truth->freed[truth->site[i]]++;
	truth->bytes[truth->site[i]] -= truth->size[i];
	truth->live_blocks--;
	truth->live_bytes -= truth->size[i];
}

static void alloc(struct bench *bench, struct writer *writer, uint8_t op, uint32_t i)
{
	const uint64_t size = next_random(bench) % 3000;
	const uint32_t site = (uint32_t)(next_random(bench) % SITES);

	mft_put_alloc(&writer->encoder, op, address_of(i), size, size + 5,
		      MFT_NODE_FIRST + site, 0);
	count_alloc(&bench->truth, i, size, site);
	writer->last = bench->truth.number[i];
}

static void realloc_block(struct bench *bench, struct writer *writer, uint32_t i)
{
	const uint64_t fate = next_random(bench) % 3;
	uint32_t to = (uint32_t)(next_random(bench) % (ADDRESSES - 1));

	mft_put_free(&writer->encoder, MFT_OP_REALLOC_RELEASE, address_of(i));
	if (fate == 0) {
		mft_put_reacquire(&writer->encoder);
		return;
	}
	if (fate == 2) {
		/* It freed: the stream's next event shows it. */
		bench->truth.temporary += writer->last == bench->truth.number[i];
		count_free(&bench->truth, i);
		return;
	}
	count_free(&bench->truth, i);
	bench->truth.reallocs++;
	alloc(bench, writer, MFT_OP_REALLOC, bench->truth.is_live[to] ? i : to);
}

static void any_event(struct bench *bench, struct writer *writer)
{
	/* Half of the time among few addresses, which live briefly. */
	const uint64_t range = next_random(bench) % 2 ? 4 : ADDRESSES - 1;
	const uint32_t i = (uint32_t)(next_random(bench) % range);

	begin_event(bench, writer);
	if (!bench->truth.is_live[i]) {
		alloc(bench, writer, MFT_OP_MALLOC, i);
	} else if (next_random(bench) % 8 == 0) {
		realloc_block(bench, writer, i);
	} else {
		mft_put_free(&writer->encoder, MFT_OP_FREE, address_of(i));
		bench->truth.temporary += writer->last == bench->truth.number[i];
		count_free(&bench->truth, i);
	}
}

/* ---- Comparing -------------------------------------------------------------------- */

static void check_blocks(struct bench *bench)
{
	uint64_t live = 0;

	for (uint32_t i = 0; i < ADDRESSES; i++) {
		struct fold_spot spot;
		const struct mft_ring_block *block =
			fold_blocks_get(&bench->fold.blocks, address_of(i), &spot);

		assert_int_equal(block != NULL, bench->truth.is_live[i]);
		if (!block)
			continue;
		live++;
		assert_int_equal(block->size, bench->truth.size[i]);
		assert_int_equal(bench->fold.ledger.sites[block->site].site->node,
				 MFT_NODE_FIRST + bench->truth.site[i]);
	}
	assert_int_equal(live, bench->truth.live_blocks);
	assert_int_equal(bench->fold.blocks.count, live);
}

static void check_sites(const struct bench *bench)
{
	const struct mft_ring_totals *totals = &bench->fold.state.root->totals;

	assert_int_equal(bench->fold.state.root->sites, SITES);
	for (uint32_t i = 0; i < SITES; i++) {
		const struct mft_ring_site *site = bench->fold.ledger.sites[i].site;
		const uint32_t n = site->node - MFT_NODE_FIRST;
		uint64_t peak =
			site->peaks == totals->peaks ? site->peak_bytes : site->live_bytes;

		assert_int_equal(site->allocations, bench->truth.allocations[n]);
		assert_int_equal(site->freed, bench->truth.freed[n]);
		assert_int_equal(site->live_bytes, bench->truth.bytes[n]);
		assert_int_equal(site->live_blocks, site->allocations - site->freed);
		assert_int_equal(peak, bench->truth.peak_of_site[n]);
	}
}

static void test_random(void **state)
{
	struct bench *bench = *state;
	const struct mft_ring_totals *totals = &bench->fold.state.root->totals;
	const struct truth *truth = &bench->truth;

	for (uint32_t i = 0; i < EVENTS; i++)
		any_event(bench, &bench->writers[next_random(bench) % STREAMS]);
	/* What is left, and one event more of each stream: a realloc may still be open. */
	for (uint32_t i = 0; i < STREAMS; i++) {
		begin_event(bench, &bench->writers[i]);
		alloc(bench, &bench->writers[i], MFT_OP_MALLOC, ADDRESSES - 1);
		begin_event(bench, &bench->writers[i]);
		mft_put_free(&bench->writers[i].encoder, MFT_OP_FREE,
			     address_of(ADDRESSES - 1));
		bench->truth.temporary++;
		count_free(&bench->truth, ADDRESSES - 1);
	}
	while (fold_a_step(bench))
		;
	assert_true(bench->file.header->chunks < 48);
	assert_true(totals->records > EVENTS);
	assert_int_equal(totals->damaged, 0);
	assert_int_equal(totals->unmatched_frees, 0);
	assert_int_equal(totals->double_allocations, 0);
	assert_int_equal(totals->live_blocks, truth->live_blocks);
	assert_int_equal(totals->live_bytes, truth->live_bytes);
	assert_int_equal(totals->peak_bytes, truth->peak_bytes);
	assert_int_equal(totals->peak_blocks, truth->peak_blocks);
	assert_int_equal(totals->temporary, truth->temporary);
	assert_int_equal(totals->reallocs, truth->reallocs);
	assert_int_equal(totals->clock, bench->clock);
	check_blocks(bench);
	check_sites(bench);
}

/* A block that is freed by the very next event makes the peak all the same. */
static void test_peak_of_a_pair(void **state)
{
	struct bench *bench = *state;
	struct writer *writer = &bench->writers[0];
	const struct mft_ring_totals *totals = &bench->fold.state.root->totals;

	for (uint64_t i = 0; i < 4; i++) {
		begin_event(bench, writer);
		mft_put_alloc(&writer->encoder, MFT_OP_MALLOC, address_of(1), 100 + i, 104,
			      MFT_NODE_FIRST, 0);
		begin_event(bench, writer);
		mft_put_free(&writer->encoder, MFT_OP_FREE, address_of(1));
	}
	while (fold_a_step(bench))
		;
	assert_int_equal(totals->peak_bytes, 103);
	assert_int_equal(totals->peak_blocks, 1);
	assert_int_equal(totals->allocations, 4);
	assert_int_equal(totals->frees, 4);
	assert_int_equal(totals->temporary, 4);
	assert_int_equal(totals->freed_bytes, 100 + 101 + 102 + 103);
	assert_int_equal(bench->fold.ledger.sites[0].site->peak_bytes, 103);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_peak_of_a_pair, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_random, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
