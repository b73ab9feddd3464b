/* SPDX-License-Identifier: MIT */
/*
 * fold_ledger.h - the accounts in the state of a ring dump: call sites and totals.
 *
 * The same figures as the analyzer keeps in its replay (analyzer/model/ledger.h), which
 * goes on from these. The live set at the peak is kept by site without looking at all sites
 * when the peak is raised: a site notes what it held then when it first changes after it.
 * Within a step only that is kept which does not follow from the rest.
 * Threads: one at a time. Memory: 128 bytes of the dump for a site, 16 in memory, and 4 for
 * each node.
 */
#ifndef FOLD_LEDGER_H
#define FOLD_LEDGER_H

#include <stdbool.h>
#include <stdint.h>

#include "fold_state.h"
#include "mft_ring.h"

struct fold_ledger {
	struct fold_state *state;
	struct fold_ledger_site {
		struct mft_ring_site *site; /* in the dump */
		uint32_t step;		    /* when it was last kept */
	} * sites;
	uint32_t sites_room;
	uint32_t *site_of_node; /* index plus 1; 0: none */
	uint32_t site_of_node_room;
	uint32_t step; /* counts */
	/* The sites that the step has changed, and what they said before. */
	struct fold_ledger_change {
		struct mft_ring_site *site;
		const struct mft_ring_site *before;
	} * changes;
	uint32_t changes_count, changes_room;
};

/* What booking an event takes of the journal at most. */
#define FOLD_LEDGER_BYTES 384u

void fold_ledger_begin(struct fold_ledger *ledger, struct fold_state *state);
void fold_ledger_done(struct fold_ledger *ledger);

/* To be called when a step begins. */
static inline void fold_ledger_step(struct fold_ledger *ledger)
{
	ledger->step++;
	ledger->changes_count = 0;
}

/* To be called when it ends: brings what follows from the rest up to date, each site's
 * live_blocks and most totals. */
void fold_ledger_end(struct fold_ledger *ledger);

/* The slow half of fold_ledger_site. */
int fold_ledger_add(struct fold_ledger *ledger, uint32_t node, uint8_t op,
		    uint32_t *ret_site);

/* Sets *ret_site to the site whose innermost frame a node is; a new one gets op. Returns 0
 * or a negative errno. */
static inline int fold_ledger_site(struct fold_ledger *ledger, uint32_t node, uint8_t op,
				   uint32_t *ret_site)
{
	if (__builtin_expect(node < ledger->site_of_node_room && ledger->site_of_node[node],
			     1)) {
		*ret_site = ledger->site_of_node[node] - 1;
		return 0;
	}
	return fold_ledger_add(ledger, node, op, ret_site);
}

/* The slow half of fold_ledger_touch. */
void fold_ledger_keep(struct fold_ledger *ledger, struct fold_ledger_site *entry);

/* A site that is about to change. */
static inline struct mft_ring_site *fold_ledger_touch(struct fold_ledger *ledger,
						      uint32_t index)
{
	const struct mft_ring_totals *totals = &ledger->state->now.totals;
	struct fold_ledger_site *entry = &ledger->sites[index];
	struct mft_ring_site *site = entry->site;

	if (__builtin_expect(entry->step != ledger->step, 0))
		fold_ledger_keep(ledger, entry);
	if (site->peaks != totals->peaks) {
		site->peaks = totals->peaks;
		site->peak_bytes = site->live_bytes;
		site->peak_blocks = site->allocations - site->freed;
	}
	return site;
}

/* Books a new block. */
static inline void fold_ledger_acquire(struct fold_ledger *ledger,
				       const struct mft_ring_block *block)
{
	struct mft_ring_totals *totals = &ledger->state->now.totals;
	struct mft_ring_site *site = fold_ledger_touch(ledger, block->site);

	site->allocations++;
	site->allocated_bytes += block->size;
	site->live_bytes += block->size;
	site->live_usable_bytes += block->usable;
	totals->live_blocks++;
	totals->live_bytes += block->size;
	if (__builtin_expect(totals->live_bytes > totals->peak_bytes, 0)) {
		totals->peak_bytes = totals->live_bytes;
		totals->peak_blocks = totals->live_blocks;
		totals->peak_clock = block->birth;
		totals->peaks++;
	}
}

/* Books the end of a block at a clock. */
static inline void fold_ledger_release(struct fold_ledger *ledger,
				       const struct mft_ring_block *block, uint64_t clock,
				       bool is_temporary)
{
	struct mft_ring_totals *totals = &ledger->state->now.totals;
	struct mft_ring_site *site = fold_ledger_touch(ledger, block->site);

	site->freed++;
	site->live_bytes -= block->size;
	site->live_usable_bytes -= block->usable;
	site->lifetime += clock - block->birth;
	site->temporary += is_temporary;
	totals->live_blocks--;
	totals->live_bytes -= block->size;
}

/* Books a block that is freed at once, by the thread that allocated it; it raises no peak.
 */
static inline void fold_ledger_pair(struct fold_ledger *ledger, uint32_t index,
				    uint64_t size, uint64_t lifetime)
{
	struct mft_ring_site *site = fold_ledger_touch(ledger, index);

	site->allocations++;
	site->allocated_bytes += size;
	site->freed++;
	site->lifetime += lifetime;
	site->temporary++;
}

/* Books an allocation that failed. */
static inline void fold_ledger_fail(struct fold_ledger *ledger, uint32_t site)
{
	fold_ledger_touch(ledger, site)->failed++;
}

#endif
