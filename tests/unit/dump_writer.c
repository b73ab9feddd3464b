/* SPDX-License-Identifier: MIT */
#include "dump_writer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "mft_seal.h"

static void keep_error(struct dump_writer *writer, int error)
{
	if (writer->error == 0)
		writer->error = error;
}

static void write_at(struct dump_writer *writer, const void *bytes, size_t count,
		     uint64_t offset)
{
	const uint8_t *p = bytes;

	while (count > 0 && writer->error == 0) {
		ssize_t n = pwrite(writer->fd, p, count, (off_t)offset);

		if (n <= 0) {
			keep_error(writer, n < 0 ? -errno : -EIO);
			return;
		}
		p += n;
		count -= (size_t)n;
		offset += (uint64_t)n;
	}
}

int dump_writer_open(struct dump_writer *writer, const char *path, uint32_t chunk_bytes)
{
	struct mft_header *h = &writer->header;

	memset(writer, 0, sizeof(*writer));
	writer->fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (writer->fd < 0)
		return -errno;
	memcpy(h->magic, MFT_MAGIC, MFT_MAGIC_BYTES);
	h->version_major = MFT_VERSION_MAJOR;
	h->version_minor = 0;
	h->header_bytes = MFT_HEADER_BYTES;
	h->chunk_bytes = chunk_bytes;
	h->page_bytes = 4096;
	h->pointer_bytes = 8;
	h->clock_unit_ns = MFT_CLOCK_UNIT_NS;
	h->pid = 4711;
	h->ppid = 1;
	memcpy(h->recorder, "dump_writer", sizeof("dump_writer"));
	return 0;
}

void dump_writer_seal(struct dump_writer *writer)
{
	writer->sealed = true;
	writer->header.version_minor = MFT_VERSION_MINOR;
}

/* seal: it is full, or its stream ends in good order. */
static void write_chunk(struct dump_stream *stream, bool seal)
{
	const uint32_t bytes = stream->writer->header.chunk_bytes;
	struct mft_chunk *header = (void *)stream->chunk;

	if (!header)
		return;
	if (seal && stream->writer->sealed)
		header->seal = mft_seal_chunk(header, bytes, bytes);
	write_at(stream->writer, header, bytes, stream->offset);
}

static void seal_header(struct mft_header *header)
{
	header->start_seal = mft_seal_start(header);
	if (header->state != MFT_STATE_RUNNING)
		header->end_seal = mft_seal_end(header, MFT_SEAL_END_WHOLE);
}

int dump_writer_close(struct dump_writer *writer, enum mft_state state)
{
	writer->header.state = state;
	for (uint32_t i = 0; i < writer->streams_count; i++) {
		struct dump_stream *stream = writer->streams[i];

		write_chunk(stream, state != MFT_STATE_RUNNING);
		if (stream->clock > writer->header.end_clock && state != MFT_STATE_RUNNING)
			writer->header.end_clock = stream->clock;
		free(stream->chunk);
		free(stream);
	}
	free(writer->streams);
	if (writer->sealed)
		seal_header(&writer->header);
	write_at(writer, &writer->header, sizeof(writer->header), 0);
	if (close(writer->fd) < 0)
		keep_error(writer, -errno);
	return writer->error;
}

struct dump_stream *dump_writer_stream(struct dump_writer *writer, int32_t tid)
{
	struct dump_stream **streams =
		reallocarray(writer->streams, writer->streams_count + 1, sizeof(*streams));
	struct dump_stream *stream = calloc(1, sizeof(*stream));

	if (streams)
		writer->streams = streams;
	if (!streams || !stream) {
		keep_error(writer, -ENOMEM);
		free(stream);
		return NULL;
	}
	stream->writer = writer;
	stream->number = writer->streams_count;
	stream->tid = tid;
	stream->nodes = MFT_NODE_FIRST;
	streams[writer->streams_count++] = stream;
	dump_thread(stream, tid);
	return stream;
}

static bool next_chunk(struct dump_stream *stream)
{
	struct dump_writer *writer = stream->writer;
	uint32_t bytes = writer->header.chunk_bytes;
	struct mft_chunk header = {
		.magic = MFT_CHUNK_MAGIC,
		.kind = MFT_CHUNK_EVENTS,
		.header_bytes = sizeof(header),
		.stream = stream->number,
		.seq = stream->seq++,
		.tid = stream->tid,
		.flags = stream->flags,
		.base_clock = stream->clock,
	};

	if (stream->chunk)
		write_chunk(stream, true);
	else
		stream->chunk = malloc(bytes + MFT_ENCODE_SLACK);
	if (!stream->chunk) {
		keep_error(writer, -ENOMEM);
		return false;
	}
	memset(stream->chunk, 0, bytes + MFT_ENCODE_SLACK);
	memcpy(stream->chunk, &header, sizeof(header));
	stream->offset =
		writer->header.header_bytes + (uint64_t)writer->header.chunks++ * bytes;
	mft_encoder_init(&stream->encoder, stream->chunk + sizeof(header),
			 stream->chunk + bytes, stream->clock);
	return true;
}

bool dump_room(struct dump_stream *stream, size_t bytes)
{
	if (stream->chunk && mft_room(&stream->encoder, bytes))
		return true;
	if (!next_chunk(stream))
		return false;
	if (!mft_room(&stream->encoder, bytes)) {
		keep_error(stream->writer, -EMSGSIZE);
		return false;
	}
	return true;
}

void dump_clock(struct dump_stream *stream, uint64_t clock)
{
	stream->clock = clock;
	if (dump_room(stream, MFT_HOT_BYTES_MAX) && clock != stream->encoder.clock)
		mft_put_clock(&stream->encoder, clock);
}

uint32_t dump_node(struct dump_stream *stream, uint32_t parent, uint32_t module,
		   uint64_t offset)
{
	if (dump_room(stream, MFT_HOT_BYTES_MAX))
		mft_put_node(&stream->encoder, parent, module, false, offset);
	return stream->nodes++;
}

void dump_alloc(struct dump_stream *stream, uint8_t op, uint64_t address, uint64_t size,
		uint64_t usable, uint32_t stack)
{
	if (usable == 0)
		usable = mft_usable_guess(size);
	if (dump_room(stream, MFT_HOT_BYTES_MAX))
		mft_put_alloc(&stream->encoder, op, address, size, usable, stack, 4);
}

void dump_malloc(struct dump_stream *stream, uint64_t address, uint64_t size,
		 uint32_t stack)
{
	dump_alloc(stream, MFT_OP_MALLOC, address, size, 0, stack);
}

void dump_release(struct dump_stream *stream, uint8_t op, uint64_t address)
{
	if (dump_room(stream, MFT_HOT_BYTES_MAX))
		mft_put_free(&stream->encoder, op, address);
}

void dump_free(struct dump_stream *stream, uint64_t address)
{
	dump_release(stream, MFT_OP_FREE, address);
}

void dump_reacquire(struct dump_stream *stream)
{
	if (dump_room(stream, MFT_HOT_BYTES_MAX))
		mft_put_reacquire(&stream->encoder);
}

void dump_failed(struct dump_stream *stream, uint8_t op, uint64_t size, uint32_t stack)
{
	struct mft_failed failed = {
		.op = op, .size = size, .stack = stack, .error = ENOMEM};

	if (dump_room(stream, 64))
		keep_error(stream->writer, mft_put_failed(&stream->encoder, &failed));
}

/* ---- Long records ----------------------------------------------------------------- */

void dump_long(struct dump_stream *stream, uint8_t op, const void *payload, size_t bytes)
{
	uint8_t *p;
	uint16_t length = (uint16_t)bytes;

	if (bytes > MFT_LONG_PAYLOAD_MAX) {
		keep_error(stream->writer, -EMSGSIZE);
		return;
	}
	if (!dump_room(stream, MFT_LONG_HEADER_BYTES + bytes))
		return;
	p = stream->encoder.pos;
	memcpy(p + 1, &length, sizeof(length));
	if (bytes)
		memcpy(p + MFT_LONG_HEADER_BYTES, payload, bytes);
	mft_commit(&stream->encoder, op, p + MFT_LONG_HEADER_BYTES + bytes);
}

static void begin(struct dump_stream *stream, struct mft_long *record)
{
	if (!stream->chunk || !mft_room(&stream->encoder, 512))
		next_chunk(stream);
	mft_long_begin(&stream->encoder, record, MFT_LONG_PAYLOAD_MAX);
}

static void text(struct mft_long *record, const char *string)
{
	mft_long_bytes(record, string, strlen(string));
}

static void end(struct dump_stream *stream, struct mft_long *record, uint8_t op)
{
	keep_error(stream->writer, mft_long_end(&stream->encoder, record, op));
}

void dump_thread(struct dump_stream *stream, int32_t tid)
{
	struct mft_long record;

	stream->tid = tid;
	begin(stream, &record);
	mft_long_varint(&record, (uint32_t)tid);
	text(&record, "thread");
	end(stream, &record, MFT_OP_THREAD);
}

void dump_process(struct dump_stream *stream, const char *exe, const char *cwd,
		  const char *argv, size_t argv_bytes)
{
	struct mft_long record;

	begin(stream, &record);
	mft_long_varint(&record, 0);
	text(&record, exe);
	text(&record, cwd);
	mft_long_bytes(&record, argv, argv_bytes);
	end(stream, &record, MFT_OP_PROCESS);
}

void dump_module(struct dump_stream *stream, uint32_t id, uint64_t bias, const char *path)
{
	struct mft_module module = {
		.id = id,
		.bias = bias,
		.start = bias,
		.end = bias + 0x10000,
		.build_id = {(const uint8_t *)"0123456789abcdefghij", 20},
		.path = {(const uint8_t *)path, strlen(path)},
	};

	if (dump_room(stream, 512))
		keep_error(stream->writer, mft_put_module(&stream->encoder, &module));
}

void dump_notice(struct dump_stream *stream, uint32_t code, const char *string)
{
	struct mft_long record;

	begin(stream, &record);
	mft_long_varint(&record, code);
	text(&record, string);
	end(stream, &record, MFT_OP_NOTICE);
}

void dump_allocator(struct dump_stream *stream, const char *path)
{
	struct mft_long record;

	begin(stream, &record);
	text(&record, path);
	end(stream, &record, MFT_OP_ALLOCATOR);
}

void dump_mapping(struct dump_stream *stream, uint8_t op, uint64_t address, uint64_t length,
		  uint64_t old_address, uint64_t old_length)
{
	struct mft_mapping mapping = {
		.address = address,
		.length = length,
		.old_address = old_address,
		.old_length = old_length,
	};

	if (dump_room(stream, 128))
		keep_error(stream->writer, mft_put_mapping(&stream->encoder, op, &mapping));
}

void dump_snapshot(struct dump_stream *stream, uint32_t reason, uint64_t rss_bytes)
{
	struct mft_snapshot snapshot = {.reason = reason, .rss_bytes = rss_bytes};

	if (dump_room(stream, 64))
		keep_error(stream->writer, mft_put_snapshot(&stream->encoder, &snapshot));
}

void dump_snapshot_map(struct dump_stream *stream, uint32_t kind, uint64_t start,
		       const char *pages)
{
	uint8_t runs[512 + MFT_ENCODE_SLACK], *p = runs;
	struct mft_snapshot_map map = {.kind = kind, .start = start};

	for (const char *page = pages; *page && p < runs + 490;) {
		size_t absent = strspn(page, "."), present = strspn(page + absent, "#");

		p = mft_put_varint(p, absent);
		p = mft_put_varint(p, present);
		page += absent + present;
		map.length += (absent + present) * 4096;
		map.resident_bytes += present * 4096;
		if (absent + present == 0)
			break;
	}
	map.runs.data = runs;
	map.runs.length = (size_t)(p - runs);
	if (map.length != strlen(pages) * 4096)
		keep_error(stream->writer, -EINVAL);
	else if (dump_room(stream, 600))
		keep_error(stream->writer, mft_put_snapshot_map(&stream->encoder, &map));
}

void dump_snapshot_end(struct dump_stream *stream)
{
	dump_long(stream, MFT_OP_SNAPSHOT_END, NULL, 0);
}

int dump_patch(const char *path, uint64_t offset, const void *bytes, size_t count)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC), r = 0;

	if (fd < 0)
		return -errno;
	if (pwrite(fd, bytes, count, (off_t)offset) != (ssize_t)count)
		r = -EIO;
	close(fd);
	return r;
}
