/* SPDX-License-Identifier: MIT */
/*
 * ledger.h - who holds how much: the accounts of the call sites during the replay.
 *
 * Every acquisition and release is booked on the site that allocated. The live set at the
 * peak is kept by site without looking at all sites when a peak is reached: a site that was
 * not touched since the peak still holds what it held then; one that is touched for the
 * first time since first notes what it holds.
 * Threads: one at a time. Memory: 128 bytes a site, 4 a frame.
 * Not here: which blocks are live (blocks.h).
 */
#ifndef LEDGER_H
#define LEDGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct block;
struct profile;

struct ledger_site {
	/* The first cache line is all that an event touches away from peaks. */
	uint64_t live_bytes, live_blocks, live_usable_bytes;
	uint64_t allocations, allocated_bytes;
	uint64_t freed, lifetime; /* clock units */
	uint64_t epoch;		  /* ledger.epoch when peak_* were noted */
	uint64_t peak_bytes, peak_blocks;
	uint64_t temporary, failed;
	uint32_t frame;
	uint8_t op;
} __attribute__((aligned(64)));

/* Who wants to know of every booking, in the order in which they are made; what is told
 * is done already. A realloc's release is told with its acquisition, at its own clock. */
struct ledger_watcher {
	void (*acquired)(struct ledger_watcher *watcher, const struct block *block);
	void (*released)(struct ledger_watcher *watcher, const struct block *block,
			 uint64_t clock, bool is_temporary);
};

struct ledger {
	struct ledger_watcher *watcher; /* NULL: none */
	struct ledger_site *sites;
	size_t count, room;
	uint32_t *site_of_frame; /* site + 1; 0: none */
	size_t frames_room;

	uint64_t live_bytes, live_blocks, live_usable_bytes;
	uint64_t allocations, allocated_bytes, frees, freed_bytes, failed, temporary;
	uint64_t peak_bytes, peak_blocks, peak_clock;
	uint64_t epoch; /* number of peaks so far */
};

/* An empty ledger is all zeros; ledger_done frees it and leaves it so. */
void ledger_done(struct ledger *ledger);

/* Makes the site of a frame, called through op, for ledger_site. */
int ledger_add_site(struct ledger *ledger, uint32_t frame, uint8_t op, uint32_t *ret_site);

/* Sets *ret_site to the site whose innermost frame this is; a new one gets op. Returns 0 or
 * -ENOMEM. */
static inline int ledger_site(struct ledger *ledger, uint32_t frame, uint8_t op,
			      uint32_t *ret_site)
{
	if (__builtin_expect(frame < ledger->frames_room && ledger->site_of_frame[frame],
			     1)) {
		*ret_site = ledger->site_of_frame[frame] - 1;
		return 0;
	}
	return ledger_add_site(ledger, frame, op, ret_site);
}

/* Books a new block. */
void ledger_acquire(struct ledger *ledger, const struct block *block);

/* Books the end of a block at a clock; temporary as docs/design.md defines it. */
void ledger_release(struct ledger *ledger, const struct block *block, uint64_t clock,
		    bool is_temporary);

/* Adds to a site, and to the totals, what was booked before a replay begins: *sums, whose
 * peak_* are what it held at the peak. To be called before anything is booked; the ledger's
 * own peak_* are the caller's to set. */
void ledger_seed_site(struct ledger *ledger, uint32_t site, const struct ledger_site *sums);

/* Books an allocation that failed. */
void ledger_fail(struct ledger *ledger, uint32_t site);

/* Writes sites and totals into a profile; unit_ns: nanoseconds a clock unit. Returns 0 or
 * -ENOMEM. */
int ledger_close(struct ledger *ledger, uint64_t unit_ns, struct profile *profile);

#endif
