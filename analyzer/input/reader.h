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
 * What does not fit the header's checksums is damage; chunks are held to theirs when they
 * are read (cursor.h). Threads: one at a time. Memory: about 48 bytes a chunk; reader_close
 * frees it. Not here: what records mean (replay.h) and their order across streams
 * (merge.h).
 */
#ifndef READER_H
#define READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mft_format.h"

struct complaint;
struct mft_ring_stream;
struct ring;

struct reader_chunk {
	uint64_t offset; /* in the file */
	uint64_t base_clock;
	uint32_t stream; /* as the file numbers it */
	uint32_t seq;
	uint32_t bytes;	 /* in the file, with its header: less where it is cut */
	uint32_t end;	 /* of what is to be read: bytes, or less (reader_cut) */
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
	/* In a ring dump: where in its first chunk, or before it, the stream begins to be
	 * told; NULL: it is told from its beginning. */
	const struct mft_ring_stream *folded;
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
	struct ring *ring; /* NULL: the dump has every event */
	/* What is later does not count: a dump that is being written was read then (units).
	 */
	uint64_t last_clock;
	/* Sums over the chunks. */
	uint64_t lost_events;
	uint64_t fallback_stacks, stack_checks, stack_differences;

	uint64_t bytes_done; /* how much of the file the cursors have read */
	/* Of these, records without a checksum: the process was killed, or went on while it
	 * exited; and chunks that were left out because of damage in them or before them.
	 */
	uint64_t unsealed_bytes, skipped_bytes;
	struct reader_damage damage;
};

/* Opens the dump at path. Returns 0; or a negative errno with *complaint filled in:
 * -EBADMSG (not a dump, or a header that makes no sense), -EPROTONOSUPPORT (another major
 * version), -ENODATA (empty, or the header is cut), -EISDIR, -EINVAL (not a regular file),
 * -EBUSY (a ring dump of a process that goes on too fast, ringcopy.h), -ENOMEM, or what
 * open and pread say. The caller closes *ret_reader. */
int reader_open(const char *path, struct reader **ret_reader, struct complaint *complaint);

/* The same of a process that the caller has stopped: a ring dump need not be copied. */
int reader_open_still(const char *path, struct reader **ret_reader,
		      struct complaint *complaint);

/* Cuts every stream where it ended at an instant: cuts tell the last chunk of each, and how
 * much of it there was; streams that they do not name had not begun. To be called before
 * anything is read. Returns 0; or -ESTALE: a ring dump, in which what came later is folded
 * already. */
int reader_cut(struct reader *reader, const struct mft_snap_cut *cuts, size_t count);

/* NULL is fine. */
void reader_close(struct reader *reader);

/* Whether the dump's chunks are sealed when they are full (mft_seal.h). */
static inline bool reader_is_sealed(const struct reader *reader)
{
	return reader->header.version_minor >= MFT_VERSION_SEALED;
}

/* Notes damage at a byte of the file, printf style; the first stays, the others count. */
__attribute__((format(printf, 3, 4))) void
reader_note_damage(struct reader *reader, uint64_t offset, const char *format, ...);

/* Fills buffer with the file's bytes from offset on. Returns how many there were, less than
 * `bytes` at the end of the file, or a negative errno. */
int64_t reader_pread(const struct reader *reader, void *buffer, size_t bytes,
		     uint64_t offset);

#endif
