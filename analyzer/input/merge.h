/* SPDX-License-Identifier: MIT */
/*
 * merge.h - the records of all streams of a dump in one order.
 *
 * Guarantees: each stream's own order is kept; across streams records come by clock. What
 * must come before something else in another stream has a smaller clock (docs/format.md);
 * records of equal clocks come in an order that depends on the dump alone.
 * Threads: one at a time. Memory: a chunk for each stream that has begun and not ended.
 */
#ifndef MERGE_H
#define MERGE_H

#include <stddef.h>
#include <stdint.h>

#include "cursor.h"

struct merge_stream {
	struct cursor cursor;
	const struct mft_record *record; /* the next one, or that which was taken last */
	uint64_t key;			 /* its clock; before there is one, a bound */
	bool begun;
};

struct merge {
	struct merge_stream *streams; /* as many as the reader has, in its order */
	size_t count;
	uint32_t *heap; /* streams that wait, the one with the smallest key first */
	size_t heap_count;
	struct merge_stream *current; /* the stream that records are taken from */
	uint64_t limit;		      /* as long as its clock is not beyond this one */
};

/* Starts before the first record. The reader must live longer. Returns 0 or -ENOMEM. */
int merge_init(struct merge *merge, struct reader *reader);
/* Frees what merge_init and merge_next allocated; fine on zeroed memory. */
void merge_done(struct merge *merge);

/* Puts back the current stream, whose cursor_next has just said r, and goes on with the
 * one that is due. For merge_next. */
int merge_turn(struct merge *merge, int r, struct merge_stream **ret_stream);

/* Takes the next record: it is *(*ret_stream)->record, good until the next call. Returns 1,
 * 0 at the end, -ENOMEM, or what pread says. */
static inline int merge_next(struct merge *merge, struct merge_stream **ret_stream)
{
	struct merge_stream *stream = merge->current;
	int r = 0;

	if (__builtin_expect(stream != NULL, 1)) {
		r = cursor_next(&stream->cursor, &stream->record);
		if (__builtin_expect(r > 0 && stream->record->clock <= merge->limit, 1)) {
			*ret_stream = stream;
			return 1;
		}
	}
	return merge_turn(merge, r, ret_stream);
}

#endif
