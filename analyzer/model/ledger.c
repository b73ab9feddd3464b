/* SPDX-License-Identifier: MIT */
#include "ledger.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "blocks.h"
#include "profile.h"

_Static_assert(sizeof(struct ledger_site) == 128, "a site is two cache lines");
_Static_assert(offsetof(struct ledger_site, peak_bytes) == 64,
	       "what every event touches is the first of them");

void ledger_done(struct ledger *ledger)
{
	free(ledger->sites);
	free(ledger->site_of_frame);
	memset(ledger, 0, sizeof(*ledger));
}

static int grow_sites(struct ledger *ledger)
{
	size_t room = ledger->room ? 2 * ledger->room : 256;
	struct ledger_site *sites;

	/* reallocarray would not keep sites on their cache lines. */
	if (room > UINT32_MAX)
		return -ENOMEM;
	sites = aligned_alloc(sizeof(*sites), room * sizeof(*sites));
	if (!sites)
		return -ENOMEM;
	if (ledger->count)
		memcpy(sites, ledger->sites, ledger->count * sizeof(*sites));
	free(ledger->sites);
	ledger->sites = sites;
	ledger->room = room;
	return 0;
}

static int grow_frames(struct ledger *ledger, uint32_t frame)
{
	size_t room = ledger->frames_room ? ledger->frames_room : 512;
	uint32_t *site_of_frame;

	while (room <= frame)
		room *= 2;
	site_of_frame = reallocarray(ledger->site_of_frame, room, sizeof(*site_of_frame));
	if (!site_of_frame)
		return -ENOMEM;
	memset(site_of_frame + ledger->frames_room, 0,
	       (room - ledger->frames_room) * sizeof(*site_of_frame));
	ledger->site_of_frame = site_of_frame;
	ledger->frames_room = room;
	return 0;
}

int ledger_add_site(struct ledger *ledger, uint32_t frame, uint8_t op, uint32_t *ret_site)
{
	struct ledger_site *site;

	if (frame >= ledger->frames_room && grow_frames(ledger, frame) < 0)
		return -ENOMEM;
	if (ledger->count == ledger->room && grow_sites(ledger) < 0)
		return -ENOMEM;
	site = &ledger->sites[ledger->count];
	memset(site, 0, sizeof(*site));
	site->frame = frame;
	site->op = op;
	*ret_site = (uint32_t)ledger->count++;
	ledger->site_of_frame[frame] = *ret_site + 1;
	return 0;
}

/* To be called before what a site holds changes. */
static inline void note_peak(const struct ledger *ledger, struct ledger_site *site)
{
	if (site->epoch != ledger->epoch) {
		site->epoch = ledger->epoch;
		site->peak_bytes = site->live_bytes;
		site->peak_blocks = site->live_blocks;
	}
}

void ledger_acquire(struct ledger *ledger, const struct block *block)
{
	struct ledger_site *site = &ledger->sites[block->site];

	note_peak(ledger, site);
	site->allocations++;
	site->allocated_bytes += block->size;
	site->live_blocks++;
	site->live_bytes += block->size;
	site->live_usable_bytes += block->usable;
	ledger->allocations++;
	ledger->allocated_bytes += block->size;
	ledger->live_blocks++;
	ledger->live_bytes += block->size;
	ledger->live_usable_bytes += block->usable;
	if (ledger->live_bytes > ledger->peak_bytes) {
		ledger->peak_bytes = ledger->live_bytes;
		ledger->peak_blocks = ledger->live_blocks;
		ledger->peak_clock = block->birth;
		ledger->epoch++;
	}
	if (__builtin_expect(ledger->watcher != NULL, 0))
		ledger->watcher->acquired(ledger->watcher, block);
}

void ledger_release(struct ledger *ledger, const struct block *block, uint64_t clock,
		    bool is_temporary)
{
	struct ledger_site *site = &ledger->sites[block->site];

	note_peak(ledger, site);
	site->live_blocks--;
	site->live_bytes -= block->size;
	site->live_usable_bytes -= block->usable;
	site->freed++;
	site->lifetime += clock - block->birth;
	site->temporary += is_temporary;
	ledger->live_blocks--;
	ledger->live_bytes -= block->size;
	ledger->live_usable_bytes -= block->usable;
	ledger->frees++;
	ledger->freed_bytes += block->size;
	ledger->temporary += is_temporary;
	if (__builtin_expect(ledger->watcher != NULL, 0))
		ledger->watcher->released(ledger->watcher, block, clock, is_temporary);
}

void ledger_seed_site(struct ledger *ledger, uint32_t site, const struct ledger_site *sums)
{
	struct ledger_site *to = &ledger->sites[site];

	to->live_bytes += sums->live_bytes;
	to->live_blocks += sums->live_blocks;
	to->live_usable_bytes += sums->live_usable_bytes;
	to->allocations += sums->allocations;
	to->allocated_bytes += sums->allocated_bytes;
	to->freed += sums->freed;
	to->lifetime += sums->lifetime;
	to->peak_bytes += sums->peak_bytes;
	to->peak_blocks += sums->peak_blocks;
	to->temporary += sums->temporary;
	to->failed += sums->failed;
	to->epoch = ledger->epoch;
	ledger->live_bytes += sums->live_bytes;
	ledger->live_blocks += sums->live_blocks;
	ledger->live_usable_bytes += sums->live_usable_bytes;
	ledger->allocations += sums->allocations;
	ledger->allocated_bytes += sums->allocated_bytes;
	ledger->frees += sums->freed;
	ledger->freed_bytes += sums->allocated_bytes - sums->live_bytes;
	ledger->failed += sums->failed;
	ledger->temporary += sums->temporary;
}

void ledger_fail(struct ledger *ledger, uint32_t site)
{
	ledger->sites[site].failed++;
	ledger->failed++;
}

int ledger_close(struct ledger *ledger, uint64_t unit_ns, struct profile *profile)
{
	if (ledger->count) {
		profile->sites = calloc(ledger->count, sizeof(*profile->sites));
		if (!profile->sites)
			return -ENOMEM;
	}
	profile->sites_count = ledger->count;
	for (size_t i = 0; i < ledger->count; i++) {
		struct ledger_site *from = &ledger->sites[i];
		struct profile_site *to = &profile->sites[i];

		note_peak(ledger, from);
		to->frame = from->frame;
		to->op = from->op;
		to->allocations = from->allocations;
		to->allocated_bytes = from->allocated_bytes;
		to->live_blocks = from->live_blocks;
		to->live_bytes = from->live_bytes;
		to->live_usable_bytes = from->live_usable_bytes;
		to->peak_blocks = from->peak_blocks;
		to->peak_bytes = from->peak_bytes;
		to->temporary = from->temporary;
		to->freed = from->freed;
		to->lifetime_ns_sum = from->lifetime * unit_ns;
		to->failed = from->failed;
	}
	profile->allocations = ledger->allocations;
	profile->frees = ledger->frees;
	profile->failed = ledger->failed;
	profile->allocated_bytes = ledger->allocated_bytes;
	profile->freed_bytes = ledger->freed_bytes;
	profile->temporary_allocations = ledger->temporary;
	profile->peak_bytes = ledger->peak_bytes;
	profile->peak_blocks = ledger->peak_blocks;
	profile->peak_time_ns = ledger->peak_clock * unit_ns;
	profile->live_bytes = ledger->live_bytes;
	profile->live_blocks = ledger->live_blocks;
	profile->live_usable_bytes = ledger->live_usable_bytes;
	return 0;
}
