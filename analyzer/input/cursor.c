/* SPDX-License-Identifier: MIT */
#include "cursor.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mft_ring.h"
#include "mft_seal.h"

/* A chunk is read in such pieces, up to the first that holds nothing. It must be larger
 * than any record, so that none can begin before such a piece and end behind it. */
#define PIECE_BYTES (64u * 1024)
_Static_assert(PIECE_BYTES > MFT_LONG_HEADER_BYTES + MFT_LONG_PAYLOAD_MAX,
	       "a record could span an empty piece");

void cursor_init(struct cursor *cursor, struct reader *reader,
		 const struct reader_stream *stream)
{
	memset(cursor, 0, sizeof(*cursor));
	cursor->reader = reader;
	cursor->stream = stream;
}

void cursor_done(struct cursor *cursor)
{
	free(cursor->batch);
	cursor->batch = NULL;
	cursor->taken = cursor->filled = 0;
	free(cursor->here.bytes);
	free(cursor->ahead.bytes);
	memset(&cursor->here, 0, sizeof(cursor->here));
	memset(&cursor->ahead, 0, sizeof(cursor->ahead));
	cursor->next_chunk = cursor->stream->count;
	mft_decoder_init(&cursor->decoder, NULL, NULL, cursor->clock);
}

uint64_t cursor_first_clock(const struct cursor *cursor)
{
	const struct mft_ring_stream *folded = cursor->stream->folded;
	const struct reader_chunk *chunk = &cursor->reader->chunks[cursor->stream->first];

	return folded && folded->offset ? folded->clock : chunk->base_clock;
}

static bool all_zero(const uint8_t *bytes, size_t count)
{
	return count == 0 || (*bytes == 0 && memcmp(bytes, bytes + 1, count - 1) == 0);
}

/* The bytes of a chunk that a seal in its header covers, or 0. */
static uint32_t sealed_bytes(const struct cursor_page *page, uint32_t done)
{
	const struct mft_chunk *header = (const void *)page->bytes;

	return done >= sizeof(*header) && mft_seal_is_there(header)
		       ? mft_seal_bytes(header->seal)
		       : 0;
}

/* Reads a chunk up to the first piece that holds nothing. What the file lost since it was
 * opened is missing at the end. Returns how many bytes there are, or a negative errno. */
static int64_t read_chunk(struct cursor *cursor, struct cursor_page *page,
			  const struct reader_chunk *chunk)
{
	struct reader *reader = cursor->reader;
	uint32_t done = 0;

	while (done < chunk->bytes) {
		uint32_t piece = chunk->bytes - done;
		int64_t n;

		if (piece > PIECE_BYTES)
			piece = PIECE_BYTES;
		n = reader_pread(reader, page->bytes + done, piece, chunk->offset + done);
		if (n < 0)
			return n;
		if (n < piece && !cursor->quiet)
			reader_note_damage(reader, chunk->offset + done + (uint64_t)n,
					   "the file has become shorter");
		done += (uint32_t)n;
		if (n < piece || (all_zero(page->bytes + done - n, (size_t)n) &&
				  done >= sealed_bytes(page, done)))
			break;
	}
	return done;
}

/* Holds what was read of a chunk to its seal. Only the last chunk of a stream may have
 * none, and in a copy of a dump that was being written that which was the last then. */
static void check_page(const struct cursor *cursor, struct cursor_page *page, uint32_t done)
{
	const struct mft_chunk *header = (const void *)page->bytes;
	const struct reader_chunk *chunk = page->chunk;
	const uint32_t chunk_bytes = cursor->reader->header.chunk_bytes;
	const size_t last = cursor->stream->first + cursor->stream->count - 1;
	const uint32_t sealed = sealed_bytes(page, done);

	page->sealed = 0;
	page->broken = NULL;
	if (done < chunk->header)
		return;
	if (header->stream != chunk->stream || header->seq != chunk->seq)
		page->broken = "another chunk is here now";
	else if (sealed && !mft_seal_fits_chunk(header->seal, chunk_bytes))
		page->broken = "the chunk does not fit its checksum";
	else if (sealed > done)
		return; /* cut, which has been noted */
	else if (sealed && mft_seal_chunk(header, sealed, chunk_bytes) != header->seal)
		page->broken = "the chunk does not fit its checksum";
	else if (!sealed && reader_is_sealed(cursor->reader) &&
		 chunk != &cursor->reader->chunks[last] &&
		 cursor->reader->last_clock == UINT64_MAX)
		page->broken = "the chunk has no checksum";
	else
		page->sealed = sealed;
}

static int read_page(struct cursor *cursor, struct cursor_page *page,
		     const struct reader_chunk *chunk)
{
	int64_t done = 0;

	if (!page->bytes)
		page->bytes = malloc(cursor->reader->header.chunk_bytes);
	if (!page->bytes)
		return -ENOMEM;
	page->chunk = chunk;
	page->broken = "";
	/* A program that still writes to the last chunk after its exit changes the seal and
	 * then the chunk: the second look is at both as they are. */
	for (unsigned i = 0; i < 2 && page->broken; i++) {
		done = read_chunk(cursor, page, chunk);
		if (done < 0)
			return (int)done;
		check_page(cursor, page, (uint32_t)done);
	}
	page->end = page->bytes + (done < chunk->end ? (uint32_t)done : chunk->end);
	if (!cursor->quiet)
		cursor->reader->bytes_done += chunk->bytes;
	return 0;
}

static const uint8_t *first_record(const struct cursor_page *page)
{
	size_t bytes = (size_t)(page->end - page->bytes);

	return bytes > page->chunk->header && !page->broken
		       ? page->bytes + page->chunk->header
		       : page->end;
}

/* Behind the last record of a chunk that was followed by another nothing can have been
 * under construction: if there is anything, an opcode was lost. */
static bool leftovers(const struct cursor *cursor)
{
	const uint8_t *pos = cursor->decoder.pos;

	return cursor->here.chunk && cursor->next_chunk < cursor->stream->count &&
	       !all_zero(pos, (size_t)(cursor->here.end - pos));
}

/* What of the chunk at hand no checksum covers, now that its records have been read. */
static void leave_page(struct cursor *cursor)
{
	const struct cursor_page *page = &cursor->here;
	uint32_t from, end;

	if (cursor->quiet || !page->chunk || page->end == page->bytes)
		return;
	from = page->sealed > page->chunk->header ? page->sealed : page->chunk->header;
	end = (uint32_t)(cursor->decoder.pos - page->bytes);
	if (end > from)
		cursor->reader->unsealed_bytes += end - from;
}

/* The stream ends within the chunk at hand, so many bytes from its start. */
static void skip_rest(struct cursor *cursor, uint32_t from)
{
	const struct reader_chunk *chunks = &cursor->reader->chunks[cursor->stream->first];
	struct reader *reader = cursor->reader;

	if (cursor->quiet || !cursor->here.chunk)
		return;
	if (cursor->here.chunk->end > from)
		reader->skipped_bytes += cursor->here.chunk->end - from;
	for (size_t i = cursor->next_chunk; i < cursor->stream->count; i++)
		reader->skipped_bytes += chunks[i].end;
}

/* Ends the stream before a chunk that is not to be trusted. Of what comes after it nothing
 * can be used: it refers to stacks and blocks that were in there. */
static int end_before_page(struct cursor *cursor)
{
	if (!cursor->quiet)
		reader_note_damage(cursor->reader, cursor->here.chunk->offset,
				   "%s (stream %u, thread %d)", cursor->here.broken,
				   cursor->stream->number, cursor->stream->tid);
	skip_rest(cursor, 0);
	cursor_done(cursor);
	return 0;
}

/* Begins to decode a page; in the first chunk of a stream where a ring's state ends. */
static void begin_page(const struct cursor *cursor, const struct cursor_page *page,
		       struct mft_decoder *decoder)
{
	const struct mft_ring_stream *folded = cursor->stream->folded;
	const struct reader_chunk *first = &cursor->reader->chunks[cursor->stream->first];

	mft_decoder_init(decoder, first_record(page), page->end, page->chunk->base_clock);
	if (!folded || folded->offset == 0 || page->chunk != first ||
	    decoder->pos == page->end)
		return;
	/* Offsets were checked against the size of a chunk; the page may be a shorter one.
	 */
	if (folded->offset < (size_t)(page->end - page->bytes))
		decoder->pos = page->bytes + folded->offset;
	else
		decoder->pos = page->end;
	decoder->last_address = folded->address;
	decoder->clock = folded->clock;
}

/* Makes the stream's next chunk the current one; at the end of the last one, ends. */
static int next_page(struct cursor *cursor)
{
	struct cursor_page page;
	int r;

	leave_page(cursor);
	if (cursor->next_chunk == cursor->stream->count) {
		cursor_done(cursor);
		return 0;
	}
	if (!cursor->ahead.chunk) {
		const struct reader_chunk *chunks =
			&cursor->reader->chunks[cursor->stream->first];

		r = read_page(cursor, &cursor->here, &chunks[cursor->next_chunk]);
		if (r < 0)
			return r;
	} else {
		page = cursor->here;
		cursor->here = cursor->ahead;
		cursor->ahead = page;
		cursor->ahead.chunk = NULL;
	}
	if (!cursor->batch)
		cursor->batch = calloc(1, sizeof(*cursor->batch));
	if (!cursor->batch)
		return -ENOMEM;
	cursor->next_chunk++;
	if (cursor->here.broken)
		return end_before_page(cursor);
	begin_page(cursor, &cursor->here, &cursor->decoder);
	return 1;
}

/* Decodes what comes next in the chunk. Returns 1, or what mft_decode says where there is
 * nothing; what it says behind other records it will say again. */
static int fill_batch(struct cursor *cursor)
{
	struct cursor_batch *batch = cursor->batch;
	struct mft_decoder decoder = cursor->decoder;
	uint64_t clock = cursor->clock;
	uint32_t filled = 0;
	int r = 0;

	cursor->taken = cursor->filled = 0;
	while (batch && filled < CURSOR_BATCH) {
		struct mft_record *record = &batch->records[filled];

		batch->starts[filled] = decoder.pos;
		r = mft_decode(&decoder, record);
		if (__builtin_expect(r <= 0, 0))
			break;
		if (__builtin_expect(record->clock < clock, 0))
			record->clock = clock;
		clock = record->clock;
		filled++;
	}
	cursor->decoder = decoder;
	cursor->clock = clock;
	cursor->filled = filled;
	return filled > 0 ? 1 : r;
}

int cursor_turn(struct cursor *cursor, const struct mft_record **ret_record)
{
	int r;

	while ((r = fill_batch(cursor)) <= 0) {
		if (r < 0 || leftovers(cursor)) {
			cursor_fail(cursor, "no record begins here");
			return 0;
		}
		r = next_page(cursor);
		if (r <= 0)
			return r;
	}
	cursor->taken = 1;
	*ret_record = &cursor->batch->records[0];
	return 1;
}

/* Whether an opcode answers cursor_peek. */
static bool is_hot_event(uint8_t op)
{
	return op < MFT_OP_LONG &&
	       (mft_op_is_alloc(op) || mft_op_is_free(op) || op == MFT_OP_REACQUIRE);
}

/* Decodes on until an event. Returns 1 with *ret_op, 0 at the end, -EBADMSG. */
static int seek_event(struct mft_decoder decoder, uint8_t *ret_op)
{
	struct mft_record record;
	int r;

	do {
		r = mft_decode(&decoder, &record);
		if (r <= 0)
			return r;
	} while (!is_hot_event(record.op));
	*ret_op = record.op;
	return 1;
}

int cursor_peek(struct cursor *cursor, uint8_t *ret_op)
{
	struct mft_decoder decoder = cursor->decoder;
	int r;

	for (uint32_t i = cursor->taken; i < cursor->filled; i++) {
		if (is_hot_event(cursor->batch->records[i].op)) {
			*ret_op = cursor->batch->records[i].op;
			return 0;
		}
	}
	r = seek_event(decoder, ret_op);
	if (r == 0 && cursor->next_chunk < cursor->stream->count) {
		if (!cursor->ahead.chunk) {
			r = read_page(cursor, &cursor->ahead,
				      &cursor->reader->chunks[cursor->stream->first +
							      cursor->next_chunk]);
			if (r < 0)
				return r;
		}
		begin_page(cursor, &cursor->ahead, &decoder);
		r = seek_event(decoder, ret_op);
	}
	/* Damage is for cursor_next to find. */
	if (r <= 0)
		*ret_op = MFT_OP_END;
	return 0;
}

/* Of the last record in its chunk; where nothing was taken, of what could not be decoded.
 */
static uint32_t record_offset(const struct cursor *cursor)
{
	const uint8_t *record = cursor->taken ? cursor->batch->starts[cursor->taken - 1]
					      : cursor->decoder.pos;

	return record ? (uint32_t)(record - cursor->here.bytes) : 0;
}

static void note(struct cursor *cursor, const char *format, va_list args)
{
	char why[160];

	if (cursor->quiet || !cursor->here.chunk)
		return;
	if (vsnprintf(why, sizeof(why), format, args) < 0)
		why[0] = '\0';
	reader_note_damage(cursor->reader,
			   cursor->here.chunk->offset + record_offset(cursor),
			   "%s (stream %u, thread %d)", why, cursor->stream->number,
			   cursor->stream->tid);
}

void cursor_note(struct cursor *cursor, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	note(cursor, format, args);
	va_end(args);
}

void cursor_fail(struct cursor *cursor, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	note(cursor, format, args);
	va_end(args);
	skip_rest(cursor, record_offset(cursor));
	cursor_done(cursor);
}
