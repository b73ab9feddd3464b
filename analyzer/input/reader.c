/* SPDX-License-Identifier: MIT */
#include "reader.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "complaint.h"
#include "dumpheader.h"
#include "ring.h"
#include "ringcopy.h"
#include "ringwindow.h"
#include "slots.h"

int64_t reader_pread(const struct reader *reader, void *buffer, size_t bytes,
		     uint64_t offset)
{
	size_t done = 0;

	if (offset > INT64_MAX - bytes)
		return 0;
	while (done < bytes) {
		ssize_t n = pread(reader->fd, (char *)buffer + done, bytes - done,
				  (off_t)(offset + done));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		done += (size_t)n;
	}
	return (int64_t)done;
}

void reader_note_damage(struct reader *reader, uint64_t offset, const char *format, ...)
{
	struct reader_damage *damage = &reader->damage;
	va_list args;

	if (damage->places++ > 0)
		return;
	damage->offset = offset;
	va_start(args, format);
	if (vsnprintf(damage->text, sizeof(damage->text), format, args) < 0)
		damage->text[0] = '\0';
	va_end(args);
}

/* ---- Streams ---------------------------------------------------------------------- */

static int compare_chunks(const void *a, const void *b)
{
	const struct reader_chunk *x = a, *y = b;

	if (x->stream != y->stream)
		return x->stream < y->stream ? -1 : 1;
	if (x->seq != y->seq)
		return x->seq < y->seq ? -1 : 1;
	return x->offset < y->offset ? -1 : x->offset > y->offset;
}

/* How many chunks from `first` on are of one stream and follow each other. Behind a gap
 * nothing of the stream can be used: its stack nodes and its live blocks may have been
 * in the gap. The first one is numbered `seq`. Sets *ret_next to the first chunk of the
 * next stream. */
static size_t whole_chunks(struct reader *reader, size_t first, size_t seq,
			   size_t *ret_next)
{
	const struct reader_chunk *chunks = reader->chunks;
	size_t whole = 0, next = first;
	bool intact = true;

	for (; next < reader->chunks_count && chunks[next].stream == chunks[first].stream;
	     next++) {
		if (intact && chunks[next].seq == seq + whole) {
			whole++;
			continue;
		}
		reader->skipped_bytes += chunks[next].bytes;
		if (!intact)
			continue;
		intact = false;
		reader_note_damage(reader, chunks[next].offset,
				   "stream %u has chunk %u here where %zu was due",
				   chunks[next].stream, chunks[next].seq, seq + whole);
	}
	*ret_next = next;
	return whole;
}

static int find_streams(struct reader *reader)
{
	size_t count = 0, next;

	if (reader->chunks_count == 0)
		return 0;
	qsort(reader->chunks, reader->chunks_count, sizeof(*reader->chunks),
	      compare_chunks);
	for (size_t i = 0; i < reader->chunks_count; i++)
		count += i == 0 || reader->chunks[i].stream != reader->chunks[i - 1].stream;
	reader->streams = calloc(count, sizeof(*reader->streams));
	if (!reader->streams)
		return -ENOMEM;
	for (size_t i = 0; i < reader->chunks_count; i = next) {
		struct reader_stream *stream = &reader->streams[reader->streams_count];

		stream->number = reader->chunks[i].stream;
		if (reader->ring)
			stream->folded = ring_stream(reader->ring, stream->number);
		stream->first = i;
		stream->count = whole_chunks(
			reader, i, stream->folded ? stream->folded->seq : 0, &next);
		stream->tid = reader->chunks[i].tid;
		stream->nested = reader->chunks[i].nested;
		reader->streams_count += stream->count > 0;
	}
	return 0;
}

/* What older events of a ring dump left behind, if it is one. */
static int load_ring(struct reader *reader, struct complaint *complaint)
{
	struct ring *ring = reader->ring;
	int r;

	if (!ring)
		return 0;
	r = ring_load(ring, reader, complaint);
	if (r < 0)
		return r;
	/* A step was faster than the tick at which a copy ends. */
	if (reader->last_clock < ring->root.totals.clock)
		reader->last_clock = ring->root.totals.clock;
	return ringwindow_drop_folded(reader);
}

static int open_dump(const char *path, bool still, struct reader **ret_reader,
		     struct complaint *complaint)
{
	struct reader *reader = calloc(1, sizeof(*reader));
	int r = -ENOMEM;

	if (!reader)
		goto out;
	reader->fd = -1;
	reader->last_clock = UINT64_MAX;
	r = dumpheader_open(path, reader, complaint);
	if (r == 0 && !still)
		r = ringcopy_take(reader, complaint);
	if (r < 0) {
		reader_close(reader);
		return r;
	}
	dumpheader_check_seals(reader);
	reader->header.recorder[sizeof(reader->header.recorder) - 1] = '\0';
	r = -ENOMEM;
	if (reader->header.mode == MFT_MODE_RING && !(reader->ring = ring_new()))
		goto out;
	r = slots_find_chunks(reader);
	if (r == 0) {
		r = load_ring(reader, complaint);
		if (r == -EBADMSG || r == -EPROTONOSUPPORT) {
			reader_close(reader);
			return r;
		}
	}
	if (r == 0)
		r = find_streams(reader);
	if (r < 0)
		goto out;
	slots_check_tail(reader);
	*ret_reader = reader;
	return 0;
out:
	complaint_set(complaint, "cannot read: %s", strerror(-r));
	reader_close(reader);
	return r;
}

int reader_open(const char *path, struct reader **ret_reader, struct complaint *complaint)
{
	return open_dump(path, false, ret_reader, complaint);
}

int reader_open_still(const char *path, struct reader **ret_reader,
		      struct complaint *complaint)
{
	return open_dump(path, true, ret_reader, complaint);
}

/* Sets *ret_cut to how far a stream had come. */
static bool find_cut(const struct mft_snap_cut *cuts, size_t count, uint32_t stream,
		     struct mft_snap_cut *ret_cut)
{
	for (size_t i = 0; i < count; i++) {
		if (cuts[i].stream == stream) {
			*ret_cut = cuts[i];
			return true;
		}
	}
	return false;
}

int reader_cut(struct reader *reader, const struct mft_snap_cut *cuts, size_t count)
{
	size_t kept = 0;

	if (reader->ring && !ringwindow_has(reader->ring, cuts, count))
		return -ESTALE;
	for (size_t i = 0; i < reader->streams_count; i++) {
		struct reader_stream stream = reader->streams[i];
		const uint32_t first = reader->chunks[stream.first].seq;
		struct reader_chunk *last;
		struct mft_snap_cut cut;

		if (!find_cut(cuts, count, stream.number, &cut) || cut.seq < first)
			continue;
		if (cut.seq - first < stream.count) {
			stream.count = (size_t)(cut.seq - first) + 1;
			last = &reader->chunks[stream.first + cut.seq - first];
			if (cut.bytes < last->end)
				last->end =
					cut.bytes < last->header ? last->header : cut.bytes;
		}
		reader->streams[kept++] = stream;
	}
	reader->streams_count = kept;
	return 0;
}

void reader_close(struct reader *reader)
{
	if (!reader)
		return;
	if (reader->fd >= 0)
		close(reader->fd);
	free(reader->chunks);
	free(reader->streams);
	ring_free(reader->ring);
	free(reader);
}
