/* SPDX-License-Identifier: MIT */
#include "mutation_ring.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "mft_ring.h"
#include "mutation.h"

#define PLACES_MOST 256u
#define UNDO_BYTES_MOST 64u

/* A dump with a state, cut into its places. */
struct state {
	uint8_t *bytes; /* of the first place */
	size_t chunk_bytes, places;
	struct mft_ring_root *root;
};

static bool find_state(const struct mutation_dump *dump, struct state *ret_state)
{
	size_t header, chunk;
	const struct mft_header *h = (const void *)dump->bytes;
	struct mft_ring_root *root;

	mutation_sizes(dump, &header, &chunk);
	if (dump->count < header + chunk || h->mode != MFT_MODE_RING || chunk % 8 ||
	    chunk < MFT_RING_CONTENTS + sizeof(*root) || header % 8)
		return false;
	root = (void *)(dump->bytes + header + MFT_RING_CONTENTS);
	*ret_state = (struct state){dump->bytes + header, chunk,
				    (dump->count - header) / chunk, root};
	return true;
}

/* The contents of a place, NULL: there is none. */
static void *find_place(const struct state *state, uint32_t kind, uint32_t seq)
{
	size_t most = state->places < PLACES_MOST ? state->places : PLACES_MOST;

	for (size_t i = 0; i < most; i++) {
		uint8_t *place = state->bytes + i * state->chunk_bytes;
		const struct mft_chunk *chunk = (const void *)place;

		if (chunk->magic == MFT_CHUNK_MAGIC && chunk->kind == kind &&
		    chunk->seq == seq)
			return place + MFT_RING_CONTENTS;
	}
	return NULL;
}

static void *find_item(const struct state *state, uint32_t kind, uint32_t index,
		       size_t item_bytes)
{
	uint32_t each = (uint32_t)((state->chunk_bytes - MFT_RING_CONTENTS) / item_bytes);
	uint8_t *contents = each ? find_place(state, kind, index / each) : NULL;

	return contents ? contents + (size_t)(index % each) * item_bytes : NULL;
}

/* ---- Sums ---------------------------------------------------------------------------- */

static void forget_held(const struct state *state)
{
	for (uint32_t i = 0; i < state->root->sites; i++) {
		struct mft_ring_site *site =
			find_item(state, MFT_RING_SITES, i, sizeof(*site));

		if (!site)
			return;
		site->live_blocks = site->live_bytes = site->live_usable_bytes = 0;
	}
}

static void hold(const struct state *state, struct mft_ring_block *block)
{
	struct mft_ring_site *site =
		find_item(state, MFT_RING_SITES, block->site, sizeof(*site));

	if (block->site >= state->root->sites || !site)
		return;
	if (block->usable < block->size)
		block->usable = block->size;
	site->live_blocks++;
	site->live_bytes += block->size;
	site->live_usable_bytes += block->usable;
}

static void hold_all(const struct state *state)
{
	const size_t each =
		(state->chunk_bytes - MFT_RING_CONTENTS) / sizeof(struct mft_ring_block);

	for (uint32_t i = 0; i < state->root->live_chunks && i < PLACES_MOST; i++) {
		struct mft_ring_block *blocks = find_place(state, MFT_RING_LIVE, i);

		for (size_t j = 0; blocks && j < each; j++)
			if (blocks[j].address)
				hold(state, &blocks[j]);
	}
	for (uint32_t i = 0; i < state->root->streams; i++) {
		struct mft_ring_stream *stream =
			find_item(state, MFT_RING_STREAMS, i, sizeof(*stream));

		if (!stream)
			return;
		if (stream->half == MFT_RING_HALF_BLOCK)
			hold(state, &stream->released);
	}
}

/* A site's other numbers, and what it adds to the totals. */
static void add_site(struct mft_ring_totals *totals, struct mft_ring_site *site)
{
	const bool noted = site->peaks == totals->peaks;

	if (site->temporary > site->freed)
		site->temporary = site->freed;
	site->allocations = site->freed + site->live_blocks;
	totals->live_blocks += site->live_blocks;
	totals->live_bytes += site->live_bytes;
	totals->live_usable_bytes += site->live_usable_bytes;
	totals->allocations += site->allocations;
	totals->allocated_bytes += site->allocated_bytes;
	totals->frees += site->freed;
	totals->temporary += site->temporary;
	totals->failed += site->failed;
	totals->peak_bytes += noted ? site->peak_bytes : site->live_bytes;
	totals->peak_blocks += noted ? site->peak_blocks : site->live_blocks;
}

void mutation_ring_sums(struct mutation_dump *dump)
{
	struct mft_ring_totals *totals;
	struct state state;

	if (!find_state(dump, &state) || state.places > PLACES_MOST)
		return;
	totals = &state.root->totals;
	forget_held(&state);
	hold_all(&state);
	totals->live_blocks = totals->live_bytes = totals->live_usable_bytes = 0;
	totals->allocations = totals->allocated_bytes = totals->frees = 0;
	totals->temporary = totals->failed = 0;
	totals->peak_bytes = totals->peak_blocks = 0;
	for (uint32_t i = 0; i < state.root->sites; i++) {
		struct mft_ring_site *site =
			find_item(&state, MFT_RING_SITES, i, sizeof(*site));

		if (!site)
			break;
		add_site(totals, site);
	}
	totals->freed_bytes = totals->allocated_bytes - totals->live_bytes;
}

/* ---- Changes ---------------------------------------------------------------------------
 */

/* Another number of 4 or 8 bytes at a multiple of them: near the old one, or far from it.
 */
static void change_number(uint8_t *at, size_t bytes, uint64_t *random)
{
	size_t width = (size_t)4 << mutation_below(random, 2);
	uint64_t value = 0;

	if (bytes < width)
		return;
	at += mutation_below(random, bytes / width) * width;
	memcpy(&value, at, width);
	if (mutation_below(random, 2))
		value += mutation_below(random, 9) - 4;
	else
		value = mutation_number(random);
	memcpy(at, &value, width);
}

static void change_item(const struct state *state, uint64_t *random)
{
	const struct {
		uint32_t kind, count;
		size_t bytes;
	} items[] = {
		{MFT_RING_NODES, state->root->nodes, sizeof(struct mft_ring_node)},
		{MFT_RING_NODEMAP, state->root->granules, sizeof(struct mft_ring_granule)},
		{MFT_RING_SITES, state->root->sites, sizeof(struct mft_ring_site)},
		{MFT_RING_STREAMS, state->root->streams, sizeof(struct mft_ring_stream)},
		{MFT_RING_LIVE, 16, sizeof(struct mft_ring_block)},
		{MFT_RING_FACTS, 4, 64},
	};
	size_t i = mutation_below(random, sizeof(items) / sizeof(items[0]));
	uint8_t *item =
		find_item(state, items[i].kind,
			  (uint32_t)mutation_below(random, (uint64_t)items[i].count + 1),
			  items[i].bytes);
	/* Of a map of nodes hardly the beginning is used. */
	size_t bytes = items[i].bytes < 128 ? items[i].bytes : 128;

	if (item)
		change_number(item, bytes, random);
}

/* A step that did not end, and a journal that leads back to anywhere. */
static void break_off(const struct state *state, uint64_t *random)
{
	uint8_t *journal = find_place(state, MFT_RING_JOURNAL, 0);
	uint64_t entries = 1 + mutation_below(random, 4);
	size_t at = 0;

	if (!journal)
		return;
	for (uint64_t i = 0; i < entries; i++) {
		struct mft_ring_undo undo = {
			.offset =
				MFT_HEADER_BYTES +
				mutation_below(random, state->places * state->chunk_bytes),
			.bytes = (uint32_t)mutation_below(random, UNDO_BYTES_MOST),
		};

		memcpy(journal + at, &undo, sizeof(undo));
		at += sizeof(undo);
		for (uint32_t j = 0; j < (undo.bytes + 7) / 8 * 8; j++)
			journal[at++] = (uint8_t)mutation_number(random);
	}
	if (mutation_below(random, 4) == 0)
		change_number(journal, at, random);
	state->root->journal_bytes =
		mutation_below(random, 4) ? at : mutation_number(random);
	state->root->sequence |= 1;
}

void mutation_ring(struct mutation_dump *dump, uint64_t *random)
{
	struct state state;

	if (!find_state(dump, &state))
		return;
	switch (mutation_below(random, 8)) {
	case 0:
		/* How much counts, behind what never changes. */
		change_number((uint8_t *)state.root +
				      offsetof(struct mft_ring_root, facts_chunks),
			      8 * sizeof(uint32_t), random);
		break;
	case 1:
		change_number((uint8_t *)state.root, sizeof(*state.root), random);
		break;
	case 2:
		change_number((uint8_t *)state.root, 144, random);
		break;
	case 3:
		break_off(&state, random);
		break;
	default:
		change_item(&state, random);
		break;
	}
}
