/* SPDX-License-Identifier: MIT */
#include "fold_ledger.h"

#include <errno.h>
#include <string.h>

#include "memory.h"

void fold_ledger_begin(struct fold_ledger *ledger, struct fold_state *state)
{
	memset(ledger, 0, sizeof(*ledger));
	ledger->state = state;
}

void fold_ledger_done(struct fold_ledger *ledger)
{
	if (ledger->sites_room)
		memory_unmap(ledger->sites, ledger->sites_room * sizeof(*ledger->sites));
	if (ledger->site_of_node_room)
		memory_unmap(ledger->site_of_node,
			     ledger->site_of_node_room * sizeof(*ledger->site_of_node));
	if (ledger->changes_room)
		memory_unmap(ledger->changes,
			     ledger->changes_room * sizeof(*ledger->changes));
	memset(ledger, 0, sizeof(*ledger));
}

static int make_room(struct fold_ledger *ledger, uint32_t node)
{
	struct fold_state *state = ledger->state;
	void *array = ledger->site_of_node;
	int r = 0;

	if (node >= ledger->site_of_node_room) {
		r = fold_state_regrow(&array, &ledger->site_of_node_room, node + 1,
				      sizeof(*ledger->site_of_node));
		ledger->site_of_node = array;
	}
	array = ledger->sites;
	if (r == 0 && state->now.sites == ledger->sites_room) {
		r = fold_state_regrow(&array, &ledger->sites_room, 0,
				      sizeof(*ledger->sites));
		ledger->sites = array;
	}
	/* A step may change them all. */
	array = ledger->changes;
	if (r == 0 && ledger->sites_room > ledger->changes_room) {
		r = fold_state_regrow(&array, &ledger->changes_room, ledger->sites_room,
				      sizeof(*ledger->changes));
		ledger->changes = array;
	}
	if (r == 0 &&
	    state->now.sites ==
		    state->sites.count * ((state->chunk_bytes - MFT_RING_CONTENTS) /
					  sizeof(struct mft_ring_site)))
		r = fold_state_grow(state, &state->sites, MFT_RING_SITES);
	return r;
}

static void note_change(struct fold_ledger *ledger, struct fold_ledger_site *entry,
			const struct mft_ring_site *before)
{
	ledger->changes[ledger->changes_count++] =
		(struct fold_ledger_change){entry->site, before};
	entry->step = ledger->step;
}

int fold_ledger_add(struct fold_ledger *ledger, uint32_t node, uint8_t op,
		    uint32_t *ret_site)
{
	static const struct mft_ring_site nothing;
	struct fold_state *state = ledger->state;
	const uint32_t index = state->now.sites;
	struct fold_ledger_site *entry;
	struct fold_chunk chunk;
	int r = make_room(ledger, node);

	if (r < 0)
		return r;
	entry = &ledger->sites[index];
	entry->site = fold_state_element(state, &state->sites, index, sizeof(*entry->site),
					 &chunk);
	/* Beyond the sites that count: there is nothing to keep. */
	note_change(ledger, entry, &nothing);
	entry->site->node = node;
	entry->site->op = op;
	ledger->site_of_node[node] = index + 1;
	state->now.sites++;
	*ret_site = index;
	return 0;
}

void fold_ledger_keep(struct fold_ledger *ledger, struct fold_ledger_site *entry)
{
	struct fold_chunk chunk;

	(void)fold_state_element(ledger->state, &ledger->state->sites,
				 (uint32_t)(entry - ledger->sites), sizeof(*entry->site),
				 &chunk);
	note_change(
		ledger, entry,
		fold_state_keep(ledger->state, &chunk, entry->site, sizeof(*entry->site)));
}

void fold_ledger_end(struct fold_ledger *ledger)
{
	struct mft_ring_totals *totals = &ledger->state->now.totals;

	for (uint32_t i = 0; i < ledger->changes_count; i++) {
		struct mft_ring_site *now = ledger->changes[i].site;
		const struct mft_ring_site *before = ledger->changes[i].before;
		const uint64_t allocated = now->allocated_bytes - before->allocated_bytes;

		now->live_blocks = now->allocations - now->freed;
		totals->allocations += now->allocations - before->allocations;
		totals->allocated_bytes += allocated;
		totals->frees += now->freed - before->freed;
		totals->freed_bytes += allocated - (now->live_bytes - before->live_bytes);
		totals->live_usable_bytes +=
			now->live_usable_bytes - before->live_usable_bytes;
		totals->temporary += now->temporary - before->temporary;
		totals->failed += now->failed - before->failed;
	}
}
