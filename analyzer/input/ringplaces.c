/* SPDX-License-Identifier: MIT */
#include "ringplaces.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "mft_seal.h"
#include "reader.h"
#include "ring.h"

static int read_image(struct ring_place *place, struct reader *reader)
{
	const uint32_t bytes = reader->header.chunk_bytes;
	int64_t n;

	place->image = calloc(1, bytes);
	if (!place->image)
		return -ENOMEM;
	n = reader_pread(reader, place->image, bytes, place->offset);
	return n < 0 ? (int)n : 0;
}

/* A place that is not known yet, at index `at` of all, which are in order of offset. */
static int add_place(struct ring *ring, size_t at, uint64_t offset)
{
	struct ring_place *places = ring->places;

	if ((ring->count & (ring->count - 1)) == 0) {
		places = reallocarray(places, ring->count ? 2 * ring->count : 1,
				      sizeof(*places));
		if (!places)
			return -ENOMEM;
		ring->places = places;
	}
	memmove(&places[at + 1], &places[at], (ring->count - at) * sizeof(*places));
	places[at] = (struct ring_place){.offset = offset};
	ring->count++;
	return 0;
}

/* What the root says of the journal, which never changes, tells the places apart. */
static int begin(struct ring *ring, struct reader *reader)
{
	int r;

	ring->chunk_bytes = reader->header.chunk_bytes;
	if (MFT_RING_CONTENTS + sizeof(ring->root) > ring->chunk_bytes)
		return 0;
	r = read_image(&ring->places[0], reader);
	if (r < 0)
		return r;
	memcpy(&ring->root, ring->places[0].image + MFT_RING_CONTENTS, sizeof(ring->root));
	ring->begun = true;
	return 0;
}

int ringplaces_note(struct ring *ring, struct reader *reader, const struct mft_chunk *chunk,
		    uint64_t offset)
{
	bool is_root = offset == reader->header.header_bytes;
	int r;

	if (is_root != (chunk->kind == MFT_RING_ROOT) || (!is_root && !ring->begun))
		return 0;
	r = add_place(ring, ring->count, offset);
	return r == 0 && is_root ? begin(ring, reader) : r;
}

bool ringplaces_is_journal(const struct ring *ring, uint64_t offset)
{
	if (!ring->begun || offset <= ring->places[0].offset)
		return false;
	return (offset - ring->places[0].offset) / ring->chunk_bytes <=
	       ring->root.journal_chunks;
}

int ringplaces_read(struct ring *ring, struct reader *reader)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < ring->count; i++)
		if (!ring->places[i].image)
			r = read_image(&ring->places[i], reader);
	return r;
}

/* How many places lie at an offset or before it. */
static size_t count_before(const struct ring *ring, uint64_t offset)
{
	size_t low = 0, high = ring->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (ring->places[middle].offset <= offset)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

int ringplaces_bytes(struct ring *ring, struct reader *reader, uint64_t offset,
		     uint64_t bytes, uint8_t **ret_at)
{
	const uint64_t first = ring->places[0].offset;
	uint64_t place, within;
	size_t at;
	int r = 0;

	if (offset < first || offset >= reader->file_bytes)
		return -EBADMSG;
	within = (offset - first) % ring->chunk_bytes;
	place = offset - within;
	if (bytes > ring->chunk_bytes - within || ringplaces_is_journal(ring, place))
		return -EBADMSG;
	at = count_before(ring, place);
	if (ring->places[at - 1].offset != place) {
		r = add_place(ring, at, place);
		if (r == 0)
			r = read_image(&ring->places[at], reader);
		at++;
	}
	if (r == 0)
		*ret_at = ring->places[at - 1].image + within;
	return r;
}

/* ---- Order ------------------------------------------------------------------------ */

/* How many chunks of a kind count. */
static uint64_t chunks_of(const struct ring *ring, uint32_t kind)
{
	const struct mft_ring_root *root = &ring->root;
	static const size_t bytes[RING_KINDS] = {
		[MFT_RING_NODES - MFT_RING_ROOT] = sizeof(struct mft_ring_node),
		[MFT_RING_NODEMAP - MFT_RING_ROOT] = sizeof(struct mft_ring_granule),
		[MFT_RING_SITES - MFT_RING_ROOT] = sizeof(struct mft_ring_site),
		[MFT_RING_STREAMS - MFT_RING_ROOT] = sizeof(struct mft_ring_stream),
	};
	const uint64_t items[RING_KINDS] = {
		[MFT_RING_NODES - MFT_RING_ROOT] = root->nodes,
		[MFT_RING_NODEMAP - MFT_RING_ROOT] = root->granules,
		[MFT_RING_SITES - MFT_RING_ROOT] = root->sites,
		[MFT_RING_STREAMS - MFT_RING_ROOT] = root->streams,
	};
	uint32_t each;

	switch (kind) {
	case MFT_RING_ROOT:
		return 1;
	case MFT_RING_FACTS:
		return root->facts_chunks;
	case MFT_RING_LIVE:
		return root->live_chunks;
	case MFT_RING_JOURNAL:
		return 0;
	default:
		each = ring_items_a_chunk(ring, bytes[ring_kind_index(kind)]);
		return (items[ring_kind_index(kind)] + each - 1) / each;
	}
}

static int compare_places(const void *a, const void *b)
{
	const struct ring_place *x = a, *y = b;

	if (x->kind != y->kind)
		return x->kind < y->kind ? -1 : 1;
	if (x->seq != y->seq)
		return x->seq < y->seq ? -1 : 1;
	return x->offset < y->offset ? -1 : x->offset > y->offset;
}

/* What each place holds, its own header says; kind 0: nothing. */
static void name_places(struct ring *ring)
{
	for (size_t i = 0; i < ring->count; i++) {
		struct ring_place *place = &ring->places[i];
		struct mft_chunk chunk;

		memcpy(&chunk, place->image, sizeof(chunk));
		place->kind = chunk.magic == MFT_CHUNK_MAGIC && ring_is_kind(chunk.kind) &&
					      chunk.header_bytes == MFT_RING_CONTENTS
				      ? chunk.kind
				      : 0;
		place->seq = chunk.seq;
	}
}

int ringplaces_order(struct ring *ring)
{
	size_t at = 0;

	name_places(ring);
	qsort(ring->places, ring->count, sizeof(*ring->places), compare_places);
	while (at < ring->count && ring->places[at].kind == 0)
		at++;
	for (uint32_t kind = MFT_RING_ROOT; kind <= MFT_RING_LIVE; kind++) {
		uint64_t due = chunks_of(ring, kind);

		ring->first[ring_kind_index(kind)] = at;
		for (uint64_t seq = 0; seq < due; seq++, at++) {
			if (at == ring->count || ring->places[at].kind != kind ||
			    ring->places[at].seq != seq)
				return -EBADMSG;
		}
		while (at < ring->count && ring->places[at].kind == kind) {
			if (due > 0 && ring->places[at].seq < due)
				return -EBADMSG; /* twice */
			at++;
		}
	}
	return 0;
}

/* ---- Checksums -------------------------------------------------------------------- */

static const struct mft_chunk *chunk_at(const struct ring *ring, size_t place)
{
	return (const void *)ring->places[place].image;
}

int ringplaces_check_seals(const struct ring *ring)
{
	const struct mft_chunk *root = chunk_at(ring, ring->first[0]);

	/* Whoever folds takes the root's seal away; then the others' are old. */
	if (root->seal == 0)
		return 0;
	if (root->seal != mft_seal_root(root, ring->chunk_bytes))
		return -EBADMSG;
	for (uint32_t kind = MFT_RING_FACTS; kind <= MFT_RING_LIVE; kind++) {
		const size_t first = ring->first[ring_kind_index(kind)];

		for (size_t i = 0; i < chunks_of(ring, kind); i++) {
			const struct mft_chunk *chunk = chunk_at(ring, first + i);

			if (chunk->seal !=
			    mft_seal_chunk(chunk, ring->chunk_bytes, ring->chunk_bytes))
				return -EBADMSG;
		}
	}
	return 0;
}
