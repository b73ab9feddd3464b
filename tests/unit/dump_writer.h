/* SPDX-License-Identifier: MIT */
/*
 * dump_writer.h - writes dumps for tests, record by record.
 *
 * A stand-in for the recorder: any number of streams, every kind of record, clocks as the
 * test wants them. Chunks are written when they are full and at dump_writer_close.
 * Without dump_writer_seal as of version 1.0, without checksums: what is patched in such a
 * dump is met by the reader as it stands.
 * Guarantees: the first error is kept and returned by dump_writer_close; nothing after it
 * is written. Records that do not fit a chunk go to the stream's next one.
 * Threads: one at a time. Memory: a chunk a stream, freed by dump_writer_close.
 */
#ifndef DUMP_WRITER_H
#define DUMP_WRITER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mft_codec.h"

struct dump_stream {
	struct dump_writer *writer;
	struct mft_encoder encoder;
	uint8_t *chunk; /* NULL before the first record */
	uint64_t offset;
	uint32_t number, seq, nodes;
	uint32_t flags; /* MFT_CHUNK_FLAG_* */
	int32_t tid;
	uint64_t clock;
};

struct dump_writer {
	int fd;
	int error;
	bool sealed;
	struct mft_header header; /* may be changed until dump_writer_close */
	struct dump_stream **streams;
	uint32_t streams_count;
};

/* Begins a dump at path, with a page size of 4096 and a clock unit of 64 ns. Returns 0 or a
 * negative errno. */
int dump_writer_open(struct dump_writer *writer, const char *path, uint32_t chunk_bytes);
/* Checksums for all that follows; to be called first. */
void dump_writer_seal(struct dump_writer *writer);

/* Writes what is left, and the header with this state. Returns 0 or the first error. */
int dump_writer_close(struct dump_writer *writer, enum mft_state state);

/* A new stream, numbered from 0; a THREAD record opens it. NULL: no memory. */
struct dump_stream *dump_writer_stream(struct dump_writer *writer, int32_t tid);

/* Makes sure that `bytes` more fit in the stream's chunk. Returns false on an error. */
bool dump_room(struct dump_stream *stream, size_t bytes);

/* Moves the stream's clock (units) on. */
void dump_clock(struct dump_stream *stream, uint64_t clock);
/* Defines a node; returns its number. */
uint32_t dump_node(struct dump_stream *stream, uint32_t parent, uint32_t module,
		   uint64_t offset);
/* An acquisition; op without MFT_OP_USABLE. usable 0: what mft_usable_guess says. */
void dump_alloc(struct dump_stream *stream, uint8_t op, uint64_t address, uint64_t size,
		uint64_t usable, uint32_t stack);
void dump_malloc(struct dump_stream *stream, uint64_t address, uint64_t size,
		 uint32_t stack);
void dump_release(struct dump_stream *stream, uint8_t op, uint64_t address);
void dump_free(struct dump_stream *stream, uint64_t address);
void dump_reacquire(struct dump_stream *stream);
void dump_failed(struct dump_stream *stream, uint8_t op, uint64_t size, uint32_t stack);

/* Long records. Strings are zero-terminated. */
void dump_long(struct dump_stream *stream, uint8_t op, const void *payload, size_t bytes);
void dump_thread(struct dump_stream *stream, int32_t tid);
void dump_process(struct dump_stream *stream, const char *exe, const char *cwd,
		  const char *argv, size_t argv_bytes);
void dump_module(struct dump_stream *stream, uint32_t id, uint64_t bias, const char *path);
void dump_notice(struct dump_stream *stream, uint32_t code, const char *text);
void dump_allocator(struct dump_stream *stream, const char *path);
void dump_mapping(struct dump_stream *stream, uint8_t op, uint64_t address, uint64_t length,
		  uint64_t old_address, uint64_t old_length);
void dump_snapshot(struct dump_stream *stream, uint32_t reason, uint64_t rss_bytes);
/* pages: a letter a page, '#' resident, '.' not. */
void dump_snapshot_map(struct dump_stream *stream, uint32_t kind, uint64_t start,
		       const char *pages);
void dump_snapshot_end(struct dump_stream *stream);

/* Overwrites bytes of a finished dump. Returns 0 or a negative errno. */
int dump_patch(const char *path, uint64_t offset, const void *bytes, size_t count);

#endif
