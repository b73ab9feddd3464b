/* SPDX-License-Identifier: MIT */
#include "ring.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "complaint.h"
#include "reader.h"
#include "ringsense.h"

static uint32_t kind_index(uint32_t kind)
{
	return kind - MFT_RING_ROOT;
}

/* ---- Places ----------------------------------------------------------------------- */

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

int ring_add_place(struct ring *ring, struct reader *reader, const struct mft_chunk *chunk,
		   uint64_t offset)
{
	bool is_root = offset == reader->header.header_bytes;
	int r;

	if (is_root != (chunk->kind == MFT_RING_ROOT) || (!is_root && !ring->begun))
		return 0;
	r = add_place(ring, ring->count, offset);
	return r == 0 && is_root ? begin(ring, reader) : r;
}

struct ring *ring_new(void)
{
	return calloc(1, sizeof(struct ring));
}

bool ring_has_journal_at(const struct ring *ring, uint64_t offset)
{
	if (!ring->begun || offset <= ring->places[0].offset)
		return false;
	return (offset - ring->places[0].offset) / ring->chunk_bytes <=
	       ring->root.journal_chunks;
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

/* ---- A step that did not end ------------------------------------------------------ */

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

/* Sets *ret_at to the image of the place that holds `bytes` bytes at an offset of the file:
 * perhaps of one that was given up in the step, and was no chunk any more. Returns 0,
 * -EBADMSG: there can be none; -ENOMEM, or what pread says. */
static int find_bytes(struct ring *ring, struct reader *reader, uint64_t offset,
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
	if (bytes > ring->chunk_bytes - within || ring_has_journal_at(ring, place))
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

/* Entries can be read forwards only: notes where each begins. Returns how many there are,
 * or a negative errno. */
static int64_t find_entries(const uint8_t *journal, uint64_t bytes, uint64_t **ret_starts)
{
	uint64_t *starts =
		calloc(bytes / sizeof(struct mft_ring_undo) + 1, sizeof(*starts));
	struct mft_ring_undo undo;
	int64_t count = 0;
	uint64_t at = 0;

	if (!starts)
		return -ENOMEM;
	while (at < bytes) {
		if (bytes - at < sizeof(undo))
			goto bad;
		memcpy(&undo, journal + at, sizeof(undo));
		if (undo.bytes > bytes - at - sizeof(undo))
			goto bad;
		starts[count++] = at;
		at += sizeof(undo) + ((uint64_t)undo.bytes + 7) / 8 * 8;
	}
	*ret_starts = starts;
	return count;
bad:
	free(starts);
	return -EBADMSG;
}

/* Puts old bytes back, the last ones first. */
static int put_back(struct ring *ring, struct reader *reader, const uint8_t *journal,
		    uint64_t bytes)
{
	uint64_t *starts;
	int64_t count = find_entries(journal, bytes, &starts);
	int r = 0;

	for (int64_t i = count - 1; r == 0 && i >= 0; i--) {
		struct mft_ring_undo undo;
		uint8_t *to;

		memcpy(&undo, journal + starts[i], sizeof(undo));
		r = find_bytes(ring, reader, undo.offset, undo.bytes, &to);
		if (r == 0)
			memcpy(to, journal + starts[i] + sizeof(undo), undo.bytes);
	}
	if (count >= 0)
		free(starts);
	return count < 0 ? (int)count : r;
}

static int undo_step(struct ring *ring, struct reader *reader)
{
	const struct mft_ring_root root = ring->root;
	const uint64_t room = (uint64_t)root.journal_chunks * ring->chunk_bytes;
	const uint64_t begin = ring->places[0].offset + ring->chunk_bytes;
	uint8_t *journal;
	int64_t n;
	int r;

	if (root.sequence % 2 == 0 || root.journal_bytes == 0)
		return 0;
	if (room < MFT_RING_CONTENTS || root.journal_bytes > room - MFT_RING_CONTENTS ||
	    begin > reader->file_bytes || root.journal_bytes > reader->file_bytes - begin)
		return -EBADMSG;
	journal = malloc(root.journal_bytes);
	if (!journal)
		return -ENOMEM;
	n = reader_pread(reader, journal, root.journal_bytes, begin + MFT_RING_CONTENTS);
	if (n < 0)
		r = (int)n;
	else if ((uint64_t)n < root.journal_bytes)
		r = -EBADMSG;
	else
		r = put_back(ring, reader, journal, root.journal_bytes);
	free(journal);
	if (r == 0)
		memcpy(&ring->root, ring->places[0].image + MFT_RING_CONTENTS,
		       sizeof(ring->root));
	return r;
}

/* ---- Items ------------------------------------------------------------------------ */

static const uint8_t *contents(const struct ring *ring, uint32_t kind, uint32_t seq)
{
	return ring->places[ring->first[kind_index(kind)] + seq].image + MFT_RING_CONTENTS;
}

static uint32_t items_a_chunk(const struct ring *ring, size_t item_bytes)
{
	return (uint32_t)((ring->chunk_bytes - MFT_RING_CONTENTS) / item_bytes);
}

static const void *item(const struct ring *ring, uint32_t kind, uint32_t index,
			size_t item_bytes)
{
	uint32_t each = items_a_chunk(ring, item_bytes);

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
	*ret_count = items_a_chunk(ring, sizeof(struct mft_ring_block));
	return (const void *)contents(ring, MFT_RING_LIVE, chunk);
}

void ring_facts(const struct ring *ring, uint32_t chunk, struct mft_decoder *ret_decoder)
{
	const uint8_t *bytes = contents(ring, MFT_RING_FACTS, chunk);
	uint32_t filled = ring->chunk_bytes;

	if (chunk + 1 == ring->root.facts_chunks)
		filled = ring->root.facts_bytes;
	mft_decoder_init(ret_decoder, bytes, bytes + (filled - MFT_RING_CONTENTS), 0);
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
		each = items_a_chunk(ring, bytes[kind_index(kind)]);
		return (items[kind_index(kind)] + each - 1) / each;
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

/* Finds the first place of each kind; those that count must be there, each once. */
static int put_in_order(struct ring *ring)
{
	size_t at = 0;

	name_places(ring);
	qsort(ring->places, ring->count, sizeof(*ring->places), compare_places);
	while (at < ring->count && ring->places[at].kind == 0)
		at++;
	for (uint32_t kind = MFT_RING_ROOT; kind <= MFT_RING_LIVE; kind++) {
		uint64_t due = chunks_of(ring, kind);

		ring->first[kind_index(kind)] = at;
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
	int r = 0;

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
	for (size_t i = 0; r == 0 && i < ring->count; i++)
		if (!ring->places[i].image)
			r = read_image(&ring->places[i], reader);
	what = "journal";
	if (r == 0)
		r = undo_step(ring, reader);
	if (r == 0) {
		what = "places";
		r = put_in_order(ring);
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
