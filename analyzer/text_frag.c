/* SPDX-License-Identifier: MIT */
#include <math.h>
#include <stdio.h>

#include "family.h"
#include "figure.h"
#include "profile.h"
#include "report.h"
#include "report_text.h"
#include "terminal.h"
#include "text_process.h"
#include "text_sites.h"

#define BAR_COLUMNS 40
/* Heaps below this size are dominated by the allocator's first arena. */
#define SMALL_HEAP_BYTES (1024 * 1024)

static const char *when_words(enum mft_snapshot_reason reason)
{
	switch (reason) {
	case MFT_SNAPSHOT_EXIT:
		return "at exit";
	case MFT_SNAPSHOT_PEAK_LIVE:
		return "at a peak of live bytes";
	case MFT_SNAPSHOT_PEAK_RESIDENT:
		return "at a peak of resident memory";
	case MFT_SNAPSHOT_INTERVAL:
		return "in passing";
	case MFT_SNAPSHOT_REQUEST:
		break;
	}
	return "on request";
}

/* What the figures come to, in a sentence. */
static const char *verdict(const struct profile_snapshot *s)
{
	double r = (double)s->requested_bytes, u = (double)s->usable_bytes;
	double f = (double)s->resident_bytes;
	double ratio = 1 - r / f;

	if (ratio < 0)
		return "Part of what was asked for was never touched: no fragmentation.";
	if (f < SMALL_HEAP_BYTES)
		return "The heap is too small for fragmentation to matter.";
	if (ratio < 0.10)
		return "The heap is tight.";
	if (ratio < 0.25)
		return "An ordinary heap.";
	if (u - r > f - u)
		return "Most of the loss is inside blocks: sizes are rounded up.";
	if (s->pinned_bytes * 2 < s->free_bytes)
		return "Most of the loss is free pages that the allocator keeps.";
	return "Most of the loss is free space on pages that live blocks hold.";
}

static void print_parts(const struct terminal *terminal, const struct profile_snapshot *s)
{
	double r = (double)s->requested_bytes, u = (double)s->usable_bytes;
	double f = (double)s->resident_bytes;

	text_field(terminal, "resident", "%9s  heap pages in memory (process: %s)",
		   figure_bytes(f).text, figure_bytes((double)s->rss_bytes).text);
	text_field(terminal, "usable", "%9s  of %s, as the allocator sized them",
		   figure_bytes(u).text, figure_counted(s->live_blocks, "live block").text);
	text_field(terminal, "asked for", "%9s  by the program", figure_bytes(r).text);
	text_field(terminal, "free", "%9s  largest run %s, pinned by live blocks %s",
		   figure_bytes((double)s->free_bytes).text,
		   figure_bytes((double)s->largest_free_run_bytes).text,
		   figure_bytes((double)s->pinned_bytes).text);
	if (r > f)
		return;
	text_field(terminal, "fragmentation",
		   "%9s  of the resident bytes were not asked for",
		   figure_share(1 - r / f, 1).text);
	text_field(terminal, "", "%9s  internal: lost inside blocks",
		   figure_share(u > 0 ? 1 - r / u : 0, 1).text);
	if (u <= f)
		text_field(terminal, "", "%9s  external: lost between blocks",
			   figure_share(1 - u / f, 1).text);
}

static void print_occupancy(const struct terminal *terminal,
			    const struct profile_snapshot *s)
{
	uint64_t all = 0, most = 0;
	unsigned class;

	for (class = 0; class < 11; class ++) {
		all += s->page_occupancy[class];
		if (s->page_occupancy[class] > most)
			most = s->page_occupancy[class];
	}
	if (all == 0)
		return;
	text_heading(terminal, "How full the %s resident pages are",
		     figure_count(all).text);
	for (class = 0; class < 11; class ++) {
		uint64_t pages = s->page_occupancy[class];
		unsigned bar = (unsigned)lround((double)pages * BAR_COLUMNS / (double)most);
		unsigned i;

		if (pages > 0 && bar == 0)
			bar = 1;
		if (class == 0)
			fputs("        empty  ", terminal->out);
		else
			fprintf(terminal->out, "   %3u to %3u%%  ", 10 * (class - 1),
				10 * class);
		for (i = 0; i < bar; i++)
			fputs("█", terminal->out);
		fprintf(terminal->out, "%*s %9s %7s\n", (int)(BAR_COLUMNS - bar), "",
			figure_count(pages).text,
			figure_share((double)pages, (double)all).text);
	}
}

static void print_worst(const struct terminal *terminal, const struct profile *profile)
{
	const struct profile_snapshot *worst;

	if (profile->worst_snapshot >= profile->snapshots_count) {
		text_heading(terminal, "Fragmentation was not measured");
		fputs("  The dump holds no complete snapshot of the heap.\n",
		      terminal->out);
		return;
	}
	worst = &profile->snapshots[profile->worst_snapshot];
	text_heading(terminal, "The heap at its worst: %s after the start, %s",
		     figure_duration(worst->time_ns).text, when_words(worst->reason));
	if (worst->resident_bytes == 0) {
		fputs("  No heap page was resident.\n", terminal->out);
		return;
	}
	fprintf(terminal->out, "  %s\n\n", verdict(worst));
	print_parts(terminal, worst);
	print_occupancy(terminal, worst);
}

static void print_course(const struct terminal *terminal, const struct profile *profile)
{
	enum {
		ROWS = 12
	};
	size_t count = profile->snapshots_count;
	size_t rows = count < ROWS ? count : ROWS;
	size_t row;

	if (count < 2)
		return;
	text_heading(terminal, "Course of the heap (%zu of %zu snapshots)", rows, count);
	fprintf(terminal->out, "%s%12s %11s %11s %11s %10s%s\n",
		terminal_style(terminal, TERMINAL_FAINT), "time", "resident", "usable",
		"asked for", "used", terminal_style(terminal, TERMINAL_PLAIN));
	for (row = 0; row < rows; row++) {
		size_t i = rows == 1 ? 0 : row * (count - 1) / (rows - 1);
		const struct profile_snapshot *s = &profile->snapshots[i];

		fprintf(terminal->out, "%12s %11s %11s %11s %10s%s\n",
			figure_duration(s->time_ns).text,
			figure_bytes((double)s->resident_bytes).text,
			figure_bytes((double)s->usable_bytes).text,
			figure_bytes((double)s->requested_bytes).text,
			figure_share((double)s->requested_bytes, (double)s->resident_bytes)
				.text,
			i == profile->worst_snapshot	 ? "  <- worst"
			: s->reason == MFT_SNAPSHOT_EXIT ? "  exit"
							 : "");
	}
}

static void pinned_line(const struct terminal *terminal, const struct site *site,
			double whole)
{
	double pinned = sites_weight(site, SITES_BY_PINNED);

	fprintf(terminal->out, "%s%s%s  %s of the free bytes; %s alone, %s shared",
		terminal_style(terminal, TERMINAL_STRONG), figure_bytes(pinned).text,
		terminal_style(terminal, TERMINAL_PLAIN), figure_share(pinned, whole).text,
		figure_bytes((double)site->pinned_exclusive_bytes).text,
		figure_bytes(site->pinned_shared_bytes).text);
}

int report_text_frag(const struct report *report, const struct terminal *terminal)
{
	const struct family *family = report->family;
	size_t i;
	int error;

	for (i = 0; i < family->count; i++) {
		if (i)
			fputc('\n', terminal->out);
		text_process_head(terminal, &family->members[i]);
		text_process_emptiness(terminal, family->members[i].profile);
		print_worst(terminal, family->members[i].profile);
		print_course(terminal, family->members[i].profile);
	}
	error = text_sites(terminal, report, SITES_BY_PINNED,
			   "Who holds free memory on their pages", pinned_line);
	if (error)
		return error;
	text_health(terminal, report);
	text_hint(terminal, report, "peak", "what was live when most was live");
	return 0;
}
