/* SPDX-License-Identifier: MIT */
/*
 * cursor.h - the records of one stream, one after the other.
 *
 * Records are decoded some dozen at a time, so that who replays them can see what comes
 * next and have the memory fetched that it will need. Guarantees: every record lies whole
 * in the cursor's buffer; clocks never run backwards (where a damaged dump says so, time
 * stands still). Damage ends the stream, and is noted in the reader with its place: at a
 * chunk that does not fit its checksum, or else at the first record that is none.
 * Threads: one at a time. Memory: one chunk and a batch, from the first record to the last;
 * a second chunk from the first cursor_peek at the end of one.
 * Not here: the order across streams (merge.h).
 */
#ifndef CURSOR_H
#define CURSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "chunkpage.h"
#include "mft_codec.h"
#include "reader.h"

#define CURSOR_BATCH 32u

/* Records of one chunk. */
struct cursor_batch {
	struct mft_record records[CURSOR_BATCH];
	const uint8_t *starts[CURSOR_BATCH]; /* of each, clocks before it included */
};

struct cursor {
	struct cursor_batch *batch; /* NULL: not allocated yet */
	uint32_t taken, filled;	    /* of the batch */
	struct reader *reader;
	const struct reader_stream *stream;
	struct mft_decoder decoder; /* behind the batch */
	uint64_t clock;		    /* units, of the batch's last record */
	size_t next_chunk;	    /* of the stream */
	struct chunkpage here, ahead;
	bool quiet; /* note no damage: somebody else reads the same and does */
};

/* Starts before the first record of a stream of the reader; reads nothing yet. */
void cursor_init(struct cursor *cursor, struct reader *reader,
		 const struct reader_stream *stream);
/* Frees the buffers; the cursor is at its end from then on. */
void cursor_done(struct cursor *cursor);

/* Goes on behind the end of a batch. For cursor_next. */
int cursor_turn(struct cursor *cursor, const struct mft_record **ret_record);

/* Takes the next record, CLOCK excepted. Returns 1; 0 at the end, where damage ended it
 * too; -ENOMEM, or what pread says. The record is good until the next call, but not behind
 * cursor_fail. */
static inline int cursor_next(struct cursor *cursor, const struct mft_record **ret_record)
{
	if (__builtin_expect(cursor->taken == cursor->filled, 0))
		return cursor_turn(cursor, ret_record);
	*ret_record = &cursor->batch->records[cursor->taken++];
	return 1;
}

/* Whether the last record is the first of its batch, and what comes after it therefore new
 * to cursor_soon. */
static inline bool cursor_turned(const struct cursor *cursor)
{
	return cursor->taken == 1;
}

/* The n-th record behind the last one, as far as that is known already, or NULL. */
static inline const struct mft_record *cursor_soon(const struct cursor *cursor, uint32_t n)
{
	uint32_t i = cursor->taken + n - 1;

	return i < cursor->filled ? &cursor->batch->records[i] : NULL;
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
