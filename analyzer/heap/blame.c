/* SPDX-License-Identifier: MIT */
#include "blame.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "pages.h"
#include "profile.h"

int blame_init(struct blame *blame, const struct spans *spans, size_t sites_count)
{
	memset(blame, 0, sizeof(*blame));
	blame->pins = calloc(sites_count + 1, sizeof(*blame->pins));
	if (!blame->pins)
		return -ENOMEM;
	blame->spans = spans;
	blame->sites_count = sites_count;
	return 0;
}

void blame_done(struct blame *blame)
{
	free(blame->pins);
	memset(blame, 0, sizeof(*blame));
}

/* ---- Pages ------------------------------------------------------------------------- */

/* How many sites have blocks on the part; each is marked with its serial. */
static unsigned count_sites(struct blame *blame, const struct pages_part *part)
{
	unsigned sites = 0;

	blame->serial++;
	for (size_t i = part->first; i < part->last; i++) {
		const struct span *span = &blame->spans->spans[i];
		struct blame_pin *pin = &blame->pins[span->site];

		if (pin->seen == blame->serial ||
		    pages_span_bytes(span, part->start, part->end) == 0)
			continue;
		pin->seen = blame->serial;
		sites++;
	}
	return sites;
}

/* Spans come in order, so each is counted at the first page that it pins. */
static void count_block(struct blame *blame, size_t i)
{
	const struct span *span = &blame->spans->spans[i];
	struct blame_pin *pin = &blame->pins[span->site];

	if (i < blame->next_block)
		return;
	blame->next_block = i + 1;
	if (pin->blocks++ == 0 || span->birth < pin->oldest_birth)
		pin->oldest_birth = span->birth;
	pin->birth_sum += (double)span->birth;
}

static void pin_page(struct blame *blame, const struct pages_part *part, uint64_t free)
{
	unsigned sites = count_sites(blame, part);

	blame->serial++;
	for (size_t i = part->first; i < part->last; i++) {
		const struct span *span = &blame->spans->spans[i];
		struct blame_pin *pin = &blame->pins[span->site];

		if (pages_span_bytes(span, part->start, part->end) == 0)
			continue;
		count_block(blame, i);
		if (pin->seen == blame->serial)
			continue;
		pin->seen = blame->serial;
		pin->pages++;
		if (sites == 1)
			pin->exclusive_bytes += free;
		else
			pin->shared_bytes += (double)free / sites;
	}
}

/* ---- Huge pages -------------------------------------------------------------------- */

void blame_end_region(struct blame *blame)
{
	if (blame->huge_sites == 1)
		blame->pins[blame->huge_site].huge_exclusive_bytes += blame->huge_free;
	blame->huge_sites = 0;
	blame->huge_free = 0;
}

static void add_to_huge(struct blame *blame, const struct pages_part *part, uint64_t from,
			uint64_t to)
{
	if (from / BLAME_HUGE_BYTES != blame->huge)
		blame_end_region(blame);
	blame->huge = from / BLAME_HUGE_BYTES;
	/* Several pages are all free or all one block's. */
	if (part->covered_bytes == 0)
		blame->huge_free += to - from;
	else if (part->covered_bytes < part->end - part->start)
		blame->huge_free += part->end - part->start - part->covered_bytes;
	for (size_t i = part->first; i < part->last && blame->huge_sites < 2; i++) {
		const struct span *span = &blame->spans->spans[i];

		if (pages_span_bytes(span, from, to) == 0)
			continue;
		if (blame->huge_sites == 0) {
			blame->huge_site = span->site;
			blame->huge_sites = 1;
		} else if (span->site != blame->huge_site) {
			blame->huge_sites = 2;
		}
	}
}

/* ---- Both -------------------------------------------------------------------------- */

void blame_part(void *context, const struct pages_part *part)
{
	struct blame *blame = context;
	uint64_t free = part->end - part->start - part->covered_bytes;

	if (part->first < part->last && free > 0)
		pin_page(blame, part, free);
	for (uint64_t from = part->start; from < part->end;) {
		uint64_t to = (from / BLAME_HUGE_BYTES + 1) * BLAME_HUGE_BYTES;

		if (to > part->end)
			to = part->end;
		add_to_huge(blame, part, from, to);
		/* Those between the first and the last are all free and nobody's, or all
		 * one block's and not free at all. */
		if (to < (part->end - 1) / BLAME_HUGE_BYTES * BLAME_HUGE_BYTES)
			to = (part->end - 1) / BLAME_HUGE_BYTES * BLAME_HUGE_BYTES;
		from = to;
	}
}

void blame_close(const struct blame *blame, uint64_t clock, uint64_t unit_ns,
		 struct profile *profile)
{
	for (size_t i = 0; i < blame->sites_count && i < profile->sites_count; i++) {
		const struct blame_pin *pin = &blame->pins[i];
		struct profile_site *site = &profile->sites[i];

		site->pinned_exclusive_bytes = pin->exclusive_bytes;
		site->pinned_shared_bytes = pin->shared_bytes;
		site->pinned_pages = pin->pages;
		site->pinning_blocks = pin->blocks;
		site->pinned_huge_exclusive_bytes = pin->huge_exclusive_bytes;
		if (pin->blocks == 0)
			continue;
		site->pinning_oldest_ns = (clock - pin->oldest_birth) * unit_ns;
		site->pinning_age_ns_sum =
			((double)clock * (double)pin->blocks - pin->birth_sum) *
			(double)unit_ns;
	}
}
