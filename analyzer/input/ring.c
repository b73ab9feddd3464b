/* SPDX-License-Identifier: MIT */
#include "ring.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "complaint.h"
#include "reader.h"
#include "ringplaces.h"
#include "ringsense.h"
#include "ringundo.h"

struct ring *ring_new(void)
{
	return calloc(1, sizeof(struct ring));
}

void ring_free(struct ring *ring)
{
	if (!ring)
		return;
	for (size_t i = 0; i < ring->count; i++)
		free(ring->places[i].image);
	free(ring->places);
	free(ring->streams);
	free(ring);
}

/* ---- Items ------------------------------------------------------------------------ */

static const uint8_t *contents(const struct ring *ring, uint32_t kind, uint32_t seq)
{
	return ring->places[ring->first[ring_kind_index(kind)] + seq].image +
	       MFT_RING_CONTENTS;
}

static const void *item(const struct ring *ring, uint32_t kind, uint32_t index,
			size_t item_bytes)
{
	uint32_t each = ring_items_a_chunk(ring, item_bytes);

	return contents(ring, kind, index / each) + (size_t)(index % each) * item_bytes;
}

const struct mft_ring_node *ring_node(const struct ring *ring, uint32_t index)
{
	return item(ring, MFT_RING_NODES, index, sizeof(struct mft_ring_node));
}

const struct mft_ring_granule *ring_granule(const struct ring *ring, uint32_t index)
{
	return item(ring, MFT_RING_NODEMAP, index, sizeof(struct mft_ring_granule));
}

const struct mft_ring_site *ring_site(const struct ring *ring, uint32_t index)
{
	return item(ring, MFT_RING_SITES, index, sizeof(struct mft_ring_site));
}

const struct mft_ring_block *ring_blocks(const struct ring *ring, uint32_t chunk,
					 size_t *ret_count)
{
	*ret_count = ring_items_a_chunk(ring, sizeof(struct mft_ring_block));
	return (const void *)contents(ring, MFT_RING_LIVE, chunk);
}

/* The records in one of root.facts_chunks. */
static void facts_of(const struct ring *ring, uint32_t chunk,
		     struct mft_decoder *ret_decoder)
{
	const uint8_t *bytes = contents(ring, MFT_RING_FACTS, chunk);
	uint32_t filled = ring->chunk_bytes;

	if (chunk + 1 == ring->root.facts_chunks)
		filled = ring->root.facts_bytes;
	mft_decoder_init(ret_decoder, bytes, bytes + (filled - MFT_RING_CONTENTS), 0);
}

int ring_each_fact(const struct ring *ring,
		   int (*take)(void *context, const struct mft_record *record),
		   void *context)
{
	struct mft_decoder decoder;
	struct mft_record record;
	int r = 0;

	for (uint32_t i = 0; r >= 0 && i < ring->root.facts_chunks; i++) {
		facts_of(ring, i, &decoder);
		while (r >= 0 && mft_decode(&decoder, &record) > 0) {
			r = take(context, &record);
			if (r == -EBADMSG)
				r = 0;
		}
	}
	return r < 0 ? r : 0;
}

void ring_site_peak(const struct ring *ring, const struct mft_ring_site *site,
		    uint64_t *ret_bytes, uint64_t *ret_blocks)
{
	bool noted = site->peaks == ring->root.totals.peaks;

	*ret_bytes = noted ? site->peak_bytes : site->live_bytes;
	*ret_blocks = noted ? site->peak_blocks : site->live_blocks;
}

const struct mft_ring_stream *ring_stream(const struct ring *ring, uint32_t number)
{
	size_t low = 0, high = ring->root.streams;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (ring->streams[middle].stream < number)
			low = middle + 1;
		else
			high = middle;
	}
	if (low < ring->root.streams && ring->streams[low].stream == number)
		return &ring->streams[low];
	return NULL;
}

/* ---- All of it -------------------------------------------------------------------- */

static int compare_streams(const void *a, const void *b)
{
	const struct mft_ring_stream *x = a, *y = b;

	return x->stream < y->stream ? -1 : x->stream > y->stream;
}

static int take_streams(struct ring *ring)
{
	ring->streams = calloc((size_t)ring->root.streams + 1, sizeof(*ring->streams));
	if (!ring->streams)
		return -ENOMEM;
	for (uint32_t i = 0; i < ring->root.streams; i++)
		memcpy(&ring->streams[i],
		       item(ring, MFT_RING_STREAMS, i, sizeof(ring->streams[i])),
		       sizeof(ring->streams[i]));
	qsort(ring->streams, ring->root.streams, sizeof(*ring->streams), compare_streams);
	return 0;
}

int ring_load(struct ring *ring, struct reader *reader, struct complaint *complaint)
{
	const char *what = "beginning";
	int r;

	/* Killed before it began: there is nothing yet. */
	if (ring->count == 0 && reader->chunks_count == 0)
		return 0;
	if (!ring->begun)
		goto bad;
	if (ring->root.version != MFT_RING_VERSION) {
		complaint_set(complaint,
			      "unknown version: the dump's ring is of format %u, "
			      "this mftrace reads format %u",
			      ring->root.version, MFT_RING_VERSION);
		return -EPROTONOSUPPORT;
	}
	r = ringplaces_read(ring, reader);
	what = "journal";
	if (r == 0)
		r = ringundo_step(ring, reader);
	if (r == 0) {
		what = "places";
		r = ringplaces_order(ring);
	}
	if (r == 0) {
		what = "checksums";
		r = ringplaces_check_seals(ring);
	}
	if (r == 0)
		r = take_streams(ring);
	if (r == 0)
		r = ringsense_check(ring, &what);
	if (r == -EBADMSG || (r == 0 && what))
		goto bad;
	return r;
bad:
	complaint_set(complaint,
		      "damaged dump: the state of its older events makes no sense (%s)",
		      what);
	return -EBADMSG;
}
