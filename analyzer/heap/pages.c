/* SPDX-License-Identifier: MIT */
#include "pages.h"

#include <string.h>

void pages_init(struct pages *pages, uint32_t page_bytes, const struct spans *spans,
		const struct pages_listener *listeners, size_t count)
{
	memset(pages, 0, sizeof(*pages));
	pages->page_bytes = page_bytes;
	pages->spans = spans;
	pages->listeners = listeners;
	pages->listeners_count = count;
}

static void tell_part(const struct pages *pages, const struct pages_part *part)
{
	for (size_t i = 0; i < pages->listeners_count; i++)
		if (pages->listeners[i].part)
			pages->listeners[i].part(pages->listeners[i].context, part);
}

static void end_free_run(struct pages *pages)
{
	if (pages->free_run == 0)
		return;
	for (size_t i = 0; i < pages->listeners_count; i++)
		if (pages->listeners[i].free_run)
			pages->listeners[i].free_run(pages->listeners[i].context,
						     pages->free_run);
	pages->free_run = 0;
}

void pages_begin_region(struct pages *pages)
{
	end_free_run(pages);
	pages->last_end = 0;
}

static void close_page(struct pages *pages, uint64_t end)
{
	struct pages_part part = {
		.start = end - pages->page_bytes,
		.end = end,
		.covered_bytes = pages->page_covered,
		.first = pages->page_first,
		.last = pages->page_last,
	};

	tell_part(pages, &part);
	pages->page_covered = 0;
	pages->page_first = pages->page_last = 0;
}

/* Goes on from `from` to `to`: bytes of the span at `index`, or free ones. */
static void advance(struct pages *pages, uint64_t from, uint64_t to, bool covered,
		    size_t index)
{
	const uint64_t page_bytes = pages->page_bytes;

	if (from < to && covered)
		end_free_run(pages);
	else
		pages->free_run += to - from;
	while (from < to) {
		uint64_t within = from & (page_bytes - 1);
		uint64_t part = page_bytes - within;

		if (within == 0 && to - from >= page_bytes) {
			uint64_t whole = (to - from) & ~(page_bytes - 1);
			struct pages_part pages_of_one = {
				.start = from,
				.end = from + whole,
				.covered_bytes = covered ? whole : 0,
				.first = covered ? index : 0,
				.last = covered ? index + 1 : 0,
			};

			tell_part(pages, &pages_of_one);
			from += whole;
			continue;
		}
		if (part > to - from)
			part = to - from;
		if (covered) {
			if (pages->page_last == 0)
				pages->page_first = index;
			pages->page_last = index + 1;
			pages->page_covered += part;
		}
		from += part;
		if ((from & (page_bytes - 1)) == 0)
			close_page(pages, from);
	}
}

void pages_add_run(struct pages *pages, uint64_t start, uint64_t end)
{
	const struct spans *spans = pages->spans;
	uint64_t at = start;
	size_t i = pages->next_span;

	if (start != pages->last_end)
		end_free_run(pages);
	for (; i < spans->count && spans->spans[i].start < end; i++) {
		const struct span *span = &spans->spans[i];
		uint64_t from = span->start > at ? span->start : at;
		uint64_t to = span->end < end ? span->end : end;

		if (from < to) {
			advance(pages, at, from, false, 0);
			advance(pages, from, to, true, i);
			at = to;
		}
		/* It reaches into what comes later. */
		if (span->end > end)
			break;
	}
	advance(pages, at, end, false, 0);
	pages->next_span = i;
	pages->last_end = end;
}
