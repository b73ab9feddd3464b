/* SPDX-License-Identifier: MIT */
#include "reader.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "complaint.h"

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
	h->recorder[sizeof(h->recorder) - 1] = '\0';
	return 0;
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
	chunk->header = c->header_bytes;
	chunk->tid = c->tid;
	chunk->nested = c->flags & MFT_CHUNK_FLAG_NESTED;
	reader->lost_events += c->lost_events;
	reader->fallback_stacks += c->fallback_stacks;
	reader->stack_checks += c->stack_checks;
	reader->stack_differences += c->stack_differences;
	return 0;
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
	memcpy(&c, raw, sizeof(c));
	if (bytes > reader->header.chunk_bytes)
		bytes = reader->header.chunk_bytes;
	if (c.magic == 0 && raw[sizeof(c)] == 0)
		return 0;
	if (c.magic != MFT_CHUNK_MAGIC) {
		reader_note_damage(reader, offset, "no chunk begins here");
		return 0;
	}
	if (bytes < reader->header.chunk_bytes)
		reader_note_damage(reader, offset + bytes,
				   "the file ends within a chunk, that of thread %d",
				   c.tid);
	if ((size_t)n < sizeof(c))
		return 0;
	if (c.kind != MFT_CHUNK_EVENTS)
		return 1;
	if (c.header_bytes < sizeof(c) || c.header_bytes > reader->header.chunk_bytes) {
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
 * in the gap. Sets *ret_next to the first chunk of the next stream. */
static size_t whole_chunks(struct reader *reader, size_t first, size_t *ret_next)
{
	const struct reader_chunk *chunks = reader->chunks;
	size_t whole = 0, next = first;
	bool intact = true;

	for (; next < reader->chunks_count && chunks[next].stream == chunks[first].stream;
	     next++) {
		if (!intact)
			continue;
		if (chunks[next].seq == next - first) {
			whole++;
			continue;
		}
		intact = false;
		reader_note_damage(reader, chunks[next].offset,
				   "stream %u has chunk %u here where %zu was due",
				   chunks[next].stream, chunks[next].seq, next - first);
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

		stream->first = i;
		stream->count = whole_chunks(reader, i, &next);
		stream->number = reader->chunks[i].stream;
		stream->tid = reader->chunks[i].tid;
		stream->nested = reader->chunks[i].nested;
		reader->streams_count += stream->count > 0;
	}
	return 0;
}

int reader_open(const char *path, struct reader **ret_reader, struct complaint *complaint)
{
	struct reader *reader = calloc(1, sizeof(*reader));
	int r = -ENOMEM;

	if (!reader)
		goto out;
	reader->fd = -1;
	r = open_file(path, reader, complaint);
	if (r == 0)
		r = read_header(reader, complaint);
	if (r == 0)
		r = check_header(&reader->header, complaint);
	if (r < 0) {
		reader_close(reader);
		return r;
	}
	r = find_chunks(reader);
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

void reader_cut(struct reader *reader, const struct mft_snap_cut *cuts, size_t count)
{
	size_t kept = 0;

	for (size_t i = 0; i < reader->streams_count; i++) {
		struct reader_stream stream = reader->streams[i];
		struct reader_chunk *last;
		struct mft_snap_cut cut;

		if (!find_cut(cuts, count, stream.number, &cut))
			continue;
		if (cut.seq < stream.count) {
			stream.count = (size_t)cut.seq + 1;
			last = &reader->chunks[stream.first + cut.seq];
			if (cut.bytes < last->bytes)
				last->bytes =
					cut.bytes < last->header ? last->header : cut.bytes;
		}
		reader->streams[kept++] = stream;
	}
	reader->streams_count = kept;
}

void reader_close(struct reader *reader)
{
	if (!reader)
		return;
	if (reader->fd >= 0)
		close(reader->fd);
	free(reader->chunks);
	free(reader->streams);
	free(reader);
}
