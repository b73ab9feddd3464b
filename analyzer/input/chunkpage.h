/* SPDX-License-Identifier: MIT */
/*
 * chunkpage.h - the bytes of one chunk, held to its checksum.
 *
 * Guarantees: a chunk that is not what the reader found, or does not fit its seal, is told
 * with the reason before anything of it is decoded. What was reserved and not written is
 * not read, but for a piece. Threads: one at a time. Memory: one chunk, the caller's to
 * free. Not here: the records in it (cursor.h), the seal's arithmetic (mft_seal.h).
 */
#ifndef CHUNKPAGE_H
#define CHUNKPAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct reader;
struct reader_chunk;
struct reader_stream;

/* Zero-filled is empty. */
struct chunkpage {
	uint8_t *bytes; /* NULL: not allocated yet */
	uint8_t *end;	/* behind the last byte that is to be decoded */
	const struct reader_chunk *chunk;
	uint32_t sealed;    /* so many bytes of the chunk fit their checksum */
	const char *broken; /* NULL, or why nothing of it is to be decoded */
};

/* Reads a chunk of the stream into the page and sets all of its members. A chunk that has
 * become shorter since is noted as damage, unless quiet. Returns 0 also where it is broken;
 * -ENOMEM, or what pread says. */
int chunkpage_read(struct chunkpage *page, struct reader *reader,
		   const struct reader_stream *stream, const struct reader_chunk *chunk,
		   bool quiet);

bool chunkpage_is_zero(const uint8_t *bytes, size_t count);

#endif
