/* SPDX-License-Identifier: MIT */
/*
 * reader.h - the structure of a dump file: header, chunks, streams.
 *
 * Opens a dump, validates its header and finds its chunks; groups them into streams, each
 * with its chunks in the order they were written. Reads nothing of the records: a cursor
 * does (cursor.h).
 * Guarantees: reads with pread only (a file that shrinks meanwhile is damage, not a
 * signal); opens nothing but regular files; believes no number of the file before it was
 * checked. Damage never fails: it is noted, with its place, and what is intact remains.
 * Threads: one at a time. Memory: about 48 bytes a chunk; reader_close frees it.
 * Not here: what records mean (replay.h) and their order across streams (merge.h).
 */
#ifndef READER_H
#define READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mft_format.h"

struct complaint;

struct reader_chunk {
	uint64_t offset; /* in the file */
	uint64_t base_clock;
	uint32_t stream; /* as the file numbers it */
	uint32_t seq;
	uint32_t
		bytes; /* in the file, with its header: less than a chunk where it is cut */
	uint32_t header; /* bytes before the first record */
	int32_t tid;
	bool nested;
};

/* What one recorder wrote. */
struct reader_stream {
	size_t first; /* index into chunks */
	size_t count; /* that follow each other without a gap */
	uint32_t number;
	int32_t tid;
	bool nested; /* events of signal handlers that interrupted the recorder */
};

struct reader_damage {
	uint64_t offset; /* of the first place that was found */
	uint64_t places;
	char text[256];
};

struct reader {
	int fd;
	uint64_t file_bytes;
	struct mft_header header;
	struct reader_chunk *chunks; /* by stream, then seq */
	size_t chunks_count;
	struct reader_stream *streams; /* by number */
	size_t streams_count;
	/* Sums over the chunks. */
	uint64_t lost_events;
	uint64_t fallback_stacks, stack_checks, stack_differences;

	uint64_t bytes_done; /* how much of the file the cursors have read */
	struct reader_damage damage;
};

/* Opens the dump at path. Returns 0; or a negative errno with *complaint filled in:
 * -EBADMSG (not a dump, or a header that makes no sense), -EPROTONOSUPPORT (another major
 * version), -ENODATA (empty, or the header is cut), -EISDIR, -EINVAL (not a regular file),
 * -ENOMEM, or what open and pread say. The caller closes *ret_reader. */
int reader_open(const char *path, struct reader **ret_reader, struct complaint *complaint);

/* Cuts every stream where it ended at an instant: cuts tell the last chunk of each, and how
 * much of it there was; streams that they do not name had not begun. To be called before
 * anything is read. */
void reader_cut(struct reader *reader, const struct mft_snap_cut *cuts, size_t count);

/* NULL is fine. */
void reader_close(struct reader *reader);

/* Notes damage at a byte of the file, printf style; the first stays, the others count. */
__attribute__((format(printf, 3, 4))) void
reader_note_damage(struct reader *reader, uint64_t offset, const char *format, ...);

/* Fills buffer with the file's bytes from offset on. Returns how many there were, less than
 * `bytes` at the end of the file, or a negative errno. */
int64_t reader_pread(const struct reader *reader, void *buffer, size_t bytes,
		     uint64_t offset);

#endif
