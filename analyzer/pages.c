/* SPDX-License-Identifier: MIT */
#include "pages.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int pages_init(struct pages *pages, uint32_t page_bytes, struct pages_pins *pins,
	       size_t sites_count)
{
	memset(pages, 0, sizeof(*pages));
	pages->page_bytes = page_bytes;
	pages->pins = pins;
	if (!pins)
		return 0;
	/* A block on a page covers a byte of it at least. */
	pages->page_sites = malloc(page_bytes * sizeof(*pages->page_sites));
	pages->site_seen = calloc(sites_count + 1, sizeof(*pages->site_seen));
	if (!pages->page_sites || !pages->site_seen) {
		pages_done(pages);
		return -ENOMEM;
	}
	return 0;
}

void pages_done(struct pages *pages)
{
	free(pages->page_sites);
	free(pages->site_seen);
	pages->page_sites = NULL;
	pages->site_seen = NULL;
}

void pages_begin_mapping(struct pages *pages)
{
	pages->free_run = 0;
	pages->last_end = 0;
}

/* Divides a page's free bytes among the sites that have blocks on it. */
static void pin(struct pages *pages, uint64_t free_bytes)
{
	size_t k = pages->page_sites_count;

	if (k == 1)
		pages->pins->exclusive[pages->page_sites[0]] += free_bytes;
	else
		for (size_t i = 0; i < k; i++)
			pages->pins->shared[pages->page_sites[i]] +=
				(double)free_bytes / (double)k;
}

static void close_page(struct pages *pages)
{
	uint64_t covered = pages->page_covered;
	uint64_t free_bytes = pages->page_bytes - covered;

	pages->occupancy[(covered * 10 + pages->page_bytes - 1) / pages->page_bytes]++;
	if (covered > 0 && free_bytes > 0) {
		pages->pinned_bytes += free_bytes;
		if (pages->pins)
			pin(pages, free_bytes);
	}
	pages->page_covered = 0;
	pages->page_sites_count = 0;
	pages->page_serial++;
}

static void note_site(struct pages *pages, uint32_t site)
{
	if (!pages->pins || pages->site_seen[site] == pages->page_serial + 1)
		return;
	pages->site_seen[site] = pages->page_serial + 1;
	pages->page_sites[pages->page_sites_count++] = site;
}

/* Goes on from `from` to `to`: bytes of one block (span), or free ones (NULL). */
static void advance(struct pages *pages, uint64_t from, uint64_t to,
		    const struct span *span)
{
	const uint64_t page_bytes = pages->page_bytes;

	if (span) {
		pages->covered_bytes += to - from;
		pages->free_run = 0;
	} else {
		pages->free_run += to - from;
		if (pages->free_run > pages->largest_free_run_bytes)
			pages->largest_free_run_bytes = pages->free_run;
	}
	while (from < to) {
		uint64_t within = from & (page_bytes - 1);
		uint64_t part = page_bytes - within;

		if (within == 0 && to - from >= page_bytes) {
			uint64_t whole = (to - from) / page_bytes;

			pages->occupancy[span ? 10 : 0] += whole;
			from += whole * page_bytes;
			continue;
		}
		if (part > to - from)
			part = to - from;
		if (span) {
			pages->page_covered += part;
			note_site(pages, span->site);
		}
		from += part;
		if ((from & (page_bytes - 1)) == 0)
			close_page(pages);
	}
}

void pages_add_run(struct pages *pages, const struct spans *spans, uint64_t start,
		   uint64_t end)
{
	uint64_t at = start;
	size_t i = pages->next_span;

	if (start != pages->last_end)
		pages->free_run = 0;
	for (; i < spans->count && spans->spans[i].start < end; i++) {
		const struct span *span = &spans->spans[i];
		uint64_t from = span->start > at ? span->start : at;
		uint64_t to = span->end < end ? span->end : end;

		if (from < to) {
			advance(pages, at, from, NULL);
			advance(pages, from, to, span);
			at = to;
		}
		/* It reaches into what comes later. */
		if (span->end > end)
			break;
	}
	advance(pages, at, end, NULL);
	pages->next_span = i;
	pages->last_end = end;
}
