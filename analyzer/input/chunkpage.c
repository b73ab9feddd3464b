/* SPDX-License-Identifier: MIT */
#include "chunkpage.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "mft_codec.h"
#include "mft_seal.h"
#include "reader.h"

/* A chunk is read in such pieces, up to the first that holds nothing. It must be larger
 * than any record, so that none can begin before such a piece and end behind it. */
#define PIECE_BYTES (64u * 1024)
_Static_assert(PIECE_BYTES > MFT_LONG_HEADER_BYTES + MFT_LONG_PAYLOAD_MAX,
	       "a record could span an empty piece");

bool chunkpage_is_zero(const uint8_t *bytes, size_t count)
{
	return count == 0 || (*bytes == 0 && memcmp(bytes, bytes + 1, count - 1) == 0);
}

/* The bytes of a chunk that a seal in its header covers, or 0. */
static uint32_t sealed_bytes(const struct chunkpage *page, uint32_t done)
{
	const struct mft_chunk *header = (const void *)page->bytes;

	return done >= sizeof(*header) && mft_seal_is_there(header)
		       ? mft_seal_bytes(header->seal)
		       : 0;
}

/* Reads a chunk up to the first piece that holds nothing. What the file lost since it was
 * opened is missing at the end. Returns how many bytes there are, or a negative errno. */
static int64_t read_chunk(struct reader *reader, struct chunkpage *page, bool quiet)
{
	const struct reader_chunk *chunk = page->chunk;
	uint32_t done = 0;

	while (done < chunk->bytes) {
		uint32_t piece = chunk->bytes - done;
		int64_t n;

		if (piece > PIECE_BYTES)
			piece = PIECE_BYTES;
		n = reader_pread(reader, page->bytes + done, piece, chunk->offset + done);
		if (n < 0)
			return n;
		if (n < piece && !quiet)
			reader_note_damage(reader, chunk->offset + done + (uint64_t)n,
					   "the file has become shorter");
		done += (uint32_t)n;
		if (n < piece || (chunkpage_is_zero(page->bytes + done - n, (size_t)n) &&
				  done >= sealed_bytes(page, done)))
			break;
	}
	return done;
}

/* Holds what was read of a chunk to its seal. Only the last chunk of a stream may have
 * none, and in a copy of a dump that was being written that which was the last then. */
static void check_page(const struct reader *reader, const struct reader_stream *stream,
		       struct chunkpage *page, uint32_t done)
{
	const struct mft_chunk *header = (const void *)page->bytes;
	const struct reader_chunk *chunk = page->chunk;
	const uint32_t chunk_bytes = reader->header.chunk_bytes;
	const size_t last = stream->first + stream->count - 1;
	const uint32_t sealed = sealed_bytes(page, done);
	/* Also one that says it covers nothing. */
	const bool has_seal = done >= sizeof(*header) && mft_seal_is_there(header);

	page->sealed = 0;
	page->broken = NULL;
	if (done < chunk->header)
		return;
	if (header->stream != chunk->stream || header->seq != chunk->seq)
		page->broken = "another chunk is here now";
	else if (has_seal && !mft_seal_fits_chunk(header->seal, chunk_bytes))
		page->broken = "the chunk does not fit its checksum";
	else if (sealed > done)
		return; /* cut, which has been noted */
	else if (sealed && mft_seal_chunk(header, sealed, chunk_bytes) != header->seal)
		page->broken = "the chunk does not fit its checksum";
	else if (!sealed && reader_is_sealed(reader) && chunk != &reader->chunks[last] &&
		 reader->last_clock == UINT64_MAX)
		page->broken = "the chunk has no checksum";
	else
		page->sealed = sealed;
}

int chunkpage_read(struct chunkpage *page, struct reader *reader,
		   const struct reader_stream *stream, const struct reader_chunk *chunk,
		   bool quiet)
{
	int64_t done = 0;

	if (!page->bytes)
		page->bytes = malloc(reader->header.chunk_bytes);
	if (!page->bytes)
		return -ENOMEM;
	page->chunk = chunk;
	page->broken = "";
	/* A program that still writes to the last chunk after its exit changes the seal and
	 * then the chunk: the second look is at both as they are. */
	for (unsigned i = 0; i < 2 && page->broken; i++) {
		done = read_chunk(reader, page, quiet);
		if (done < 0)
			return (int)done;
		check_page(reader, stream, page, (uint32_t)done);
	}
	page->end = page->bytes + (done < chunk->end ? (uint32_t)done : chunk->end);
	return 0;
}
