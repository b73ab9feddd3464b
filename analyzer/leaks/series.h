/* SPDX-License-Identifier: MIT */
/*
 * series.h - how many bytes each call site held over the time of the run, at instants
 * equally far apart.
 *
 * It begins with a short interval; when SERIES_MOST instants are full every other one is
 * dropped and the interval doubled. So at the end there are SERIES_MOST / 2 to SERIES_MOST
 * of them, whatever the length of the run, unless it was very short.
 * Guarantees: instant n (from 0) is n + 1 intervals after the start, which is where the run
 * began or where its events begin to be known, and what it says held before any event of
 * that clock.
 * Threads: one at a time. Memory: 256 bytes for each site that ever held memory at one of
 * the instants, 4 for any other.
 * Not here: what the numbers mean (trend.h).
 */
#ifndef SERIES_H
#define SERIES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SERIES_MOST 64u

struct ledger;
struct profile;

struct series {
	uint64_t start;	   /* clock units */
	uint64_t interval; /* clock units; 0: series_init was not called */
	uint64_t next;	   /* the clock of the next instant */
	uint32_t count;	   /* of instants */
	uint32_t *row;	   /* by site: number of its row + 1; 0: has none */
	size_t sites_room;
	float (*rows)[SERIES_MOST];
	size_t rows_count, rows_room;
};

/* unit_ns: nanoseconds a clock unit. start: the clock where it begins, 0 for a whole run.
 */
void series_init(struct series *series, uint64_t unit_ns, uint64_t start);
void series_done(struct series *series);

/* Whether an event of a clock is behind the next instant. */
static inline bool series_due(const struct series *series, uint64_t clock)
{
	return clock >= series->next;
}

/* Notes what the sites hold at all instants up to a clock. Returns 0 or -ENOMEM. */
int series_advance(struct series *series, uint64_t clock, const struct ledger *ledger);

/* Finds the sites that grow, into the trends of the profile's sites, which must be the
 * ledger's in their order. */
void series_close(const struct series *series, uint64_t unit_ns, struct profile *profile);

#endif
