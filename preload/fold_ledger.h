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

/* Books a new block. */
void fold_ledger_acquire(struct fold_ledger *ledger, const struct mft_ring_block *block);

/* Books the end of a block at a clock. */
void fold_ledger_release(struct fold_ledger *ledger, const struct mft_ring_block *block,
			 uint64_t clock, bool is_temporary);

/* Books an allocation that failed. */
void fold_ledger_fail(struct fold_ledger *ledger, uint32_t site);

#endif
