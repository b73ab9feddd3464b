/* SPDX-License-Identifier: MIT */
/*
 * lookahead.h - memory that the next events will need is fetched while earlier ones are
 * replayed.
 *
 * A replay's time would be spent waiting for the table of blocks, a cache line an event and
 * none of them near another. What a stream's cursor has decoded already says which lines
 * these will be.
 * Guarantees: changes nothing but caches.
 * Threads: as the cursor and the table. Memory: none.
 */
#ifndef LOOKAHEAD_H
#define LOOKAHEAD_H

#include "blocks.h"
#include "cursor.h"

/* Records; about as many fetches as a processor has under way. */
#define LOOKAHEAD_RECORDS 8u

/* To be called for each record that was taken off the cursor. */
static inline void lookahead(const struct cursor *cursor, const struct blocks *blocks)
{
	const struct mft_record *record;

	if (__builtin_expect(cursor_turned(cursor), 0))
		for (uint32_t n = 1;
		     n < LOOKAHEAD_RECORDS && (record = cursor_soon(cursor, n)); n++)
			blocks_prefetch(blocks, record->address);
	record = cursor_soon(cursor, LOOKAHEAD_RECORDS);
	if (record)
		blocks_prefetch(blocks, record->address);
}

#endif
