/* SPDX-License-Identifier: MIT */
#include "reader.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "complaint.h"
#include "mft_seal.h"
#include "ring.h"
#include "ringcopy.h"
#include "ringplaces.h"
#include "ringwindow.h"

#define HEADER_BYTES_MAX (1u << 20)
#define CHUNK_BYTES_MIN 1024u
#define PAGE_BYTES_MIN 4096u /* no Linux has smaller ones */
#define PAGE_BYTES_MAX (1u << 20)

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

/* ---- Header ----------------------------------------------------------------------- */

static int open_file(const char *path, struct reader *reader, struct complaint *complaint)
{
	struct stat st;
	int r;

	/* A FIFO or a device must neither block us nor be drained. */
	reader->fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (reader->fd < 0 || fstat(reader->fd, &st) < 0) {
		r = -errno;
		complaint_set(complaint, "cannot open: %s", strerror(-r));
		return r;
	}
	if (S_ISDIR(st.st_mode)) {
		complaint_set(complaint, "cannot read: %s", strerror(EISDIR));
		return -EISDIR;
	}
	if (!S_ISREG(st.st_mode)) {
		complaint_set(complaint, "cannot read: it is not a regular file");
		return -EINVAL;
	}
	return 0;
}

/* The file's size is taken after the header, so that a dump that is being written has at
 * least the chunks that the header speaks of. */
static int read_header(struct reader *reader, struct complaint *complaint)
{
	struct mft_header *h = &reader->header;
	int64_t n = reader_pread(reader, h, sizeof(*h), 0);
	size_t magic_bytes = MFT_MAGIC_BYTES;
	struct stat st;

	if (n < 0) {
		complaint_set(complaint, "cannot read: %s", strerror((int)-n));
		return (int)n;
	}
	if (n == 0) {
		complaint_set(complaint, "not a dump: the file is empty");
		return -ENODATA;
	}
	if ((size_t)n < magic_bytes)
		magic_bytes = (size_t)n;
	if (memcmp(h->magic, MFT_MAGIC, magic_bytes) != 0) {
		complaint_set(complaint,
			      "not a dump: it does not begin as mftrace dumps do");
		return -EBADMSG;
	}
	if ((size_t)n < sizeof(*h)) {
		complaint_set(complaint,
			      "damaged dump: the file ends within its header, at byte %lld",
			      (long long)n);
		return -ENODATA;
	}
	if (fstat(reader->fd, &st) < 0) {
		n = -errno;
		complaint_set(complaint, "cannot read: %s", strerror((int)-n));
		return (int)n;
	}
	reader->file_bytes = (uint64_t)st.st_size;
	return 0;
}

/* Whether a seal is there, or has to be, and is not what it should be. */
static bool is_broken(uint64_t seal, uint64_t want, bool due)
{
	return (seal || due) && seal != want;
}

/* What the header says at the end may be said just now: the seal comes last, and the second
 * look sees all of it. */
static bool end_is_broken(const struct mft_header *h)
{
	return is_broken(h->end_seal, mft_seal_end(h, mft_seal_bytes(h->end_seal)), false);
}

static void check_seals(struct reader *reader)
{
	struct mft_header *h = &reader->header, again;
	const bool due = reader_is_sealed(reader);

	if (end_is_broken(h) &&
	    reader_pread(reader, &again, sizeof(again), 0) == (int64_t)sizeof(again))
		*h = again;
	if (is_broken(h->start_seal, mft_seal_start(h), due))
		reader_note_damage(reader, 0, "the header does not fit its checksum");
	else if (end_is_broken(h))
		reader_note_damage(reader, offsetof(struct mft_header, chunks),
				   "how the process ended does not fit its checksum");
	else if (due && h->version_minor == MFT_VERSION_MINOR &&
		 h->control > MFT_CONTROL_PAUSE)
		reader_note_damage(reader, offsetof(struct mft_header, control),
				   "nobody asks a recorder for control %u", h->control);
}

static bool is_power_of_two(uint32_t v)
{
	return v != 0 && (v & (v - 1)) == 0;
}

static int check_header(const struct mft_header *h, struct complaint *complaint)
{
	const char *what = NULL;
	uint32_t value = 0;

	if (h->version_major != MFT_VERSION_MAJOR) {
		complaint_set(complaint,
			      "unknown version: the dump is of format %u.%u, this mftrace "
			      "reads format %u",
			      h->version_major, h->version_minor, MFT_VERSION_MAJOR);
		return -EPROTONOSUPPORT;
	}
	if (h->header_bytes < MFT_HEADER_BYTES || h->header_bytes > HEADER_BYTES_MAX) {
		what = "header size";
		value = h->header_bytes;
	} else if (h->chunk_bytes < CHUNK_BYTES_MIN ||
		   h->chunk_bytes > MFT_CHUNK_BYTES_MAX) {
		what = "chunk size";
		value = h->chunk_bytes;
	} else if (!is_power_of_two(h->page_bytes) || h->page_bytes < PAGE_BYTES_MIN ||
		   h->page_bytes > PAGE_BYTES_MAX) {
		what = "page size";
		value = h->page_bytes;
	} else if (h->clock_unit_ns == 0 || h->clock_unit_ns > 1000000000u) {
		what = "clock unit";
		value = h->clock_unit_ns;
	}
	if (what) {
		complaint_set(complaint, "damaged dump: a %s of %u in its header", what,
			      value);
		return -EBADMSG;
	}
	return 0;
}

/* ---- Chunks ----------------------------------------------------------------------- */

static uint64_t slot_offset(const struct reader *reader, uint64_t slot)
{
	return reader->header.header_bytes + slot * reader->header.chunk_bytes;
}

/* The first slot from `slot` on that holds anything but a hole: space that was reserved
 * and never used need not be looked at slot by slot. */
static uint64_t next_slot_with_data(const struct reader *reader, uint64_t slot)
{
	off_t at = lseek(reader->fd, (off_t)slot_offset(reader, slot), SEEK_DATA);
	uint64_t found;

	if (at < 0)
		return errno == ENXIO ? UINT64_MAX : slot;
	found = ((uint64_t)at - reader->header.header_bytes) / reader->header.chunk_bytes;
	return found > slot ? found : slot;
}

static int add_chunk(struct reader *reader, const struct mft_chunk *c, uint64_t offset,
		     uint64_t bytes)
{
	struct reader_chunk *chunk;

	/* Begun since a copy was begun, and perhaps without the one before it. */
	if (c->base_clock > reader->last_clock)
		return 0;
	if ((reader->chunks_count & (reader->chunks_count - 1)) == 0) {
		size_t room = reader->chunks_count ? 2 * reader->chunks_count : 1;
		struct reader_chunk *chunks =
			reallocarray(reader->chunks, room, sizeof(*chunks));

		if (!chunks)
			return -ENOMEM;
		reader->chunks = chunks;
	}
	chunk = &reader->chunks[reader->chunks_count++];
	chunk->offset = offset;
	chunk->base_clock = c->base_clock;
	chunk->stream = c->stream;
	chunk->seq = c->seq;
	chunk->bytes = (uint32_t)bytes;
	chunk->end = (uint32_t)bytes;
	chunk->header = c->header_bytes;
	chunk->tid = c->tid;
	chunk->nested = c->flags & MFT_CHUNK_FLAG_NESTED;
	reader->lost_events += c->lost_events;
	reader->fallback_stacks += c->fallback_stacks;
	reader->stack_checks += c->stack_checks;
	reader->stack_differences += c->stack_differences;
	return 0;
}

/* A place for a chunk that nobody took holds nothing but zeros, once nobody is left who
 * could. */
static int check_unused(struct reader *reader, uint64_t offset, uint64_t bytes)
{
	uint8_t piece[8192];

	if (reader->header.mode != MFT_MODE_FULL ||
	    mft_seal_bytes(reader->header.end_seal) != MFT_SEAL_END_WHOLE)
		return 0;
	for (uint64_t done = 0; done < bytes; done += sizeof(piece)) {
		uint64_t want = bytes - done < sizeof(piece) ? bytes - done : sizeof(piece);
		int64_t n = reader_pread(reader, piece, want, offset + done);

		if (n <= 0)
			return (int)n;
		if (piece[0] != 0 || memcmp(piece, piece + 1, (size_t)n - 1) != 0) {
			reader_note_damage(reader, offset, "no chunk begins here");
			return 0;
		}
	}
	return 0;
}

/* A chunk of a kind that is not known: whether it is so, its checksum tells. */
static int pass_over(struct reader *reader, const struct mft_chunk *c, uint64_t offset)
{
	const uint32_t chunk_bytes = reader->header.chunk_bytes;
	struct mft_chunk *whole;
	int64_t n;

	if (!mft_seal_is_there(c) || !mft_seal_fits_chunk(c->seal, chunk_bytes))
		return 1;
	whole = malloc(chunk_bytes);
	if (!whole)
		return -ENOMEM;
	n = reader_pread(reader, whole, chunk_bytes, offset);
	if (n == (int64_t)chunk_bytes &&
	    mft_seal_chunk(whole, mft_seal_bytes(c->seal), chunk_bytes) != c->seal)
		reader_note_damage(reader, offset, "a chunk does not fit its checksum");
	free(whole);
	return n < 0 ? (int)n : 1;
}

/* Takes in the chunk at a slot. Returns 1, 0 where the slot holds none, or a negative
 * errno. A slot without magic was handed out and never begun, or only reserved. */
static int take_slot(struct reader *reader, uint64_t slot)
{
	uint64_t offset = slot_offset(reader, slot);
	uint64_t bytes = reader->file_bytes - offset;
	uint8_t raw[sizeof(struct mft_chunk) + 1] = {0};
	struct mft_chunk c;
	int64_t n = reader_pread(reader, raw, sizeof(raw), offset);

	if (n < 0)
		return (int)n;
	if (reader->ring && ringplaces_is_journal(reader->ring, offset))
		return 1;
	memcpy(&c, raw, sizeof(c));
	if (bytes > reader->header.chunk_bytes)
		bytes = reader->header.chunk_bytes;
	if (c.magic == 0 && reader->ring)
		return 0; /* free; what was there before means nothing */
	/* Where the first record is, or was up to version 1.0. */
	if (c.magic == 0 && raw[sizeof(c)] == 0 && raw[MFT_CHUNK_HEADER_LEAST] == 0)
		return check_unused(reader, offset, bytes);
	if (c.magic != MFT_CHUNK_MAGIC) {
		reader_note_damage(reader, offset, "no chunk begins here");
		return 0;
	}
	if (bytes < reader->header.chunk_bytes)
		reader_note_damage(reader, offset + bytes,
				   "the file ends within a chunk, that of thread %d",
				   c.tid);
	if ((size_t)n < MFT_CHUNK_HEADER_LEAST)
		return 0;
	if (reader->ring && ring_is_kind(c.kind)) {
		n = ringplaces_note(reader->ring, reader, &c, offset);
		return n < 0 ? (int)n : 1;
	}
	if (c.kind != MFT_CHUNK_EVENTS)
		return pass_over(reader, &c, offset);
	if (c.header_bytes < MFT_CHUNK_HEADER_LEAST ||
	    c.header_bytes > reader->header.chunk_bytes) {
		reader_note_damage(reader, offset, "a chunk with a header of %u bytes",
				   c.header_bytes);
		return 0;
	}
	n = add_chunk(reader, &c, offset, bytes);
	return n < 0 ? (int)n : 1;
}

/* Whole or cut, behind the header. */
static uint64_t count_slots(const struct reader *reader)
{
	const struct mft_header *h = &reader->header;

	if (reader->file_bytes <= h->header_bytes)
		return 0;
	return (reader->file_bytes - h->header_bytes + h->chunk_bytes - 1) / h->chunk_bytes;
}

/* A process that is killed, or finds no space, may have handed out chunks that the file
 * does not have yet: one for each stream. More than these were cut off. */
static void check_tail(struct reader *reader)
{
	const struct mft_header *h = &reader->header;
	uint64_t slots = count_slots(reader), spare = 0;

	if (h->stop_reason != MFT_STOP_NONE)
		return;
	if (h->state == MFT_STATE_RUNNING)
		spare = reader->streams_count + 1;
	if (h->chunks > slots + spare)
		reader_note_damage(reader, reader->file_bytes,
				   "the file ends after %llu of %u chunks",
				   (unsigned long long)slots, h->chunks);
}

static int find_chunks(struct reader *reader)
{
	uint64_t slot = 0, slots = count_slots(reader);

	while (slot < slots) {
		int r = take_slot(reader, slot);

		if (r < 0)
			return r;
		slot++;
		if (r == 0 && slot < slots)
			slot = next_slot_with_data(reader, slot);
	}
	return 0;
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
	r = open_file(path, reader, complaint);
	if (r == 0)
		r = read_header(reader, complaint);
	if (r == 0)
		r = check_header(&reader->header, complaint);
	if (r == 0 && !still)
		r = ringcopy_take(reader, complaint);
	if (r < 0) {
		reader_close(reader);
		return r;
	}
	check_seals(reader);
	reader->header.recorder[sizeof(reader->header.recorder) - 1] = '\0';
	r = -ENOMEM;
	if (reader->header.mode == MFT_MODE_RING && !(reader->ring = ring_new()))
		goto out;
	r = find_chunks(reader);
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
	check_tail(reader);
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
