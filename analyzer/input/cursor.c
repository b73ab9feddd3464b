/* SPDX-License-Identifier: MIT */
#include "cursor.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mft_ring.h"

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

static int read_page(struct cursor *cursor, struct chunkpage *page,
		     const struct reader_chunk *chunk)
{
	int r = chunkpage_read(page, cursor->reader, cursor->stream, chunk, cursor->quiet);

	if (r == 0 && !cursor->quiet)
		cursor->reader->bytes_done += chunk->bytes;
	return r;
}

static const uint8_t *first_record(const struct chunkpage *page)
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
	       !chunkpage_is_zero(pos, (size_t)(cursor->here.end - pos));
}

/* What of the chunk at hand no checksum covers, now that its records have been read. */
static void leave_page(struct cursor *cursor)
{
	const struct chunkpage *page = &cursor->here;
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
static void begin_page(const struct cursor *cursor, const struct chunkpage *page,
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
	struct chunkpage page;
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
