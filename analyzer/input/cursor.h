/* SPDX-License-Identifier: MIT */
/*
 * cursor.h - the records of one stream, one after the other.
 *
 * Guarantees: every record lies whole in the cursor's buffer; clocks never run backwards
 * (where a damaged dump says so, time stands still). Damage ends the stream, and is noted
 * in the reader with its place.
 * Threads: one at a time. Memory: one chunk, from the first record to the last; a second
 * one from the first cursor_peek at the end of a chunk.
 * Not here: the order across streams (merge.h).
 */
#ifndef CURSOR_H
#define CURSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mft_codec.h"
#include "reader.h"

/* A chunk's bytes. */
struct cursor_page {
	uint8_t *bytes; /* NULL: not allocated yet */
	uint8_t *end;	/* behind the last byte that was read */
	const struct reader_chunk *chunk;
};

struct cursor {
	struct reader *reader;
	const struct reader_stream *stream;
	struct mft_decoder decoder;
	const uint8_t *record; /* where the last record begins, clocks before it included */
	uint64_t clock;	       /* units, of the last record */
	size_t next_chunk;     /* of the stream */
	struct cursor_page here, ahead;
	bool quiet; /* note no damage: somebody else reads the same and does */
};

/* Starts before the first record of a stream of the reader; reads nothing yet. */
void cursor_init(struct cursor *cursor, struct reader *reader,
		 const struct reader_stream *stream);
/* Frees the buffers; the cursor is at its end from then on. */
void cursor_done(struct cursor *cursor);

/* Goes on behind the end of a chunk; r is what mft_decode said there. For cursor_next. */
int cursor_turn(struct cursor *cursor, int r, struct mft_record *ret_record);

/* Takes the next record, CLOCK excepted. Returns 1; 0 at the end, where damage ended it
 * too; -ENOMEM, or what pread says. The payload is good until the next call. */
static inline int cursor_next(struct cursor *cursor, struct mft_record *ret_record)
{
	int r;

	cursor->record = cursor->decoder.pos;
	r = mft_decode(&cursor->decoder, ret_record);
	if (__builtin_expect(r <= 0, 0))
		return cursor_turn(cursor, r, ret_record);
	if (__builtin_expect(ret_record->clock < cursor->clock, 0))
		ret_record->clock = cursor->clock;
	cursor->clock = ret_record->clock;
	return 1;
}

/* Sets *ret_op to the opcode of the next acquisition, release or MFT_OP_REACQUIRE of the
 * stream without taking it; MFT_OP_END: there is none up to the end of the next chunk.
 * Returns 0, -ENOMEM, or what pread says. */
int cursor_peek(struct cursor *cursor, uint8_t *ret_op);

/* The earliest clock (units) that the stream's first record can have. */
uint64_t cursor_first_clock(const struct cursor *cursor);

/* Notes damage at the last record, printf style; the stream goes on. */
__attribute__((format(printf, 2, 3))) void cursor_note(struct cursor *cursor,
						       const char *format, ...);

/* Ends the stream before its last record, which cannot be right, and notes why. */
__attribute__((format(printf, 2, 3))) void cursor_fail(struct cursor *cursor,
						       const char *format, ...);

#endif
