/* SPDX-License-Identifier: MIT */
#include <math.h>
#include <stdio.h>

#include "family.h"
#include "figure.h"
#include "profile.h"
#include "report.h"
#include "report_text.h"
#include "terminal.h"
#include "text_frag.h"
#include "text_process.h"
#include "text_sites.h"

#define BAR_COLUMNS 40
/* Heaps below this size are dominated by the allocator's first arena. */
#define SMALL_HEAP_BYTES (1024 * 1024)

/* "at exit", "at a peak of live bytes", ... */
static const char *reason_words(enum mft_snapshot_reason reason)
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

/* What the figures come to, in a sentence. What was asked for but never touched is on no
 * page, and makes up for nothing that is lost on others. */
static const char *verdict(const struct profile_snapshot *s)
{
	double r = (double)s->waterfall.requested_bytes, f = (double)s->resident_bytes;
	double u = f - (double)s->free_bytes;
	double ratio = 1 - r / f;

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

static void print_chosen(const struct terminal *terminal, const struct profile *profile)
{
	const struct profile_snapshot *chosen;

	if (profile->chosen_snapshot >= profile->snapshots_count) {
		text_heading(terminal, "Fragmentation was not measured");
		fputs("  The dump holds no complete snapshot of the heap.\n",
		      terminal->out);
		return;
	}
	chosen = &profile->snapshots[profile->chosen_snapshot];
	text_heading(terminal, "The heap%s: %s after the start, %s",
		     profile->chosen_snapshot == profile->worst_snapshot ? " at its worst"
									 : "",
		     figure_duration(chosen->time_ns).text, reason_words(chosen->reason));
	if (chosen->resident_bytes == 0) {
		fputs("  No heap page was resident.\n", terminal->out);
		return;
	}
	fprintf(terminal->out, "  %s\n\n", verdict(chosen));
	print_parts(terminal, chosen);
	print_occupancy(terminal, chosen);
}

/* Damaged clocks can make it more than there are numbers for. */
static uint64_t mean_age_ns(const struct site *site)
{
	double age_ns = site->pinning_blocks
				? site->pinning_age_ns_sum / (double)site->pinning_blocks
				: 0;

	return age_ns < 0x1p64 ? (uint64_t)age_ns : UINT64_MAX;
}

static void pinned_line(const struct terminal *terminal, const struct site *site,
			double whole)
{
	double pinned = sites_weight(site, SITES_BY_PINNED);

	fprintf(terminal->out, "%s%s%s  %s of what is pinned; %s alone, %s shared\n",
		terminal_style(terminal, TERMINAL_STRONG), figure_bytes(pinned).text,
		terminal_style(terminal, TERMINAL_PLAIN), figure_share(pinned, whole).text,
		figure_bytes((double)site->pinned_exclusive_bytes).text,
		figure_bytes(site->pinned_shared_bytes).text);
	fprintf(terminal->out, "     %s%s on %s, %s old on average, the oldest %s%s\n",
		terminal_style(terminal, TERMINAL_FAINT),
		figure_counted(site->pinning_blocks, "block").text,
		figure_counted(site->pinned_pages, "page").text,
		figure_duration(mean_age_ns(site)).text,
		figure_duration(site->pinning_oldest_ns).text,
		terminal_style(terminal, TERMINAL_PLAIN));
	fprintf(terminal->out, "     %sover the run %s x seconds; of whole 2 MiB %s%s",
		terminal_style(terminal, TERMINAL_FAINT),
		figure_bytes(site->pinned_byte_seconds).text,
		figure_bytes((double)site->pinned_huge_exclusive_bytes).text,
		terminal_style(terminal, TERMINAL_PLAIN));
}

/* All that is known of one process. */
static int print_process(const struct report *report, size_t i,
			 const struct terminal *terminal)
{
	const struct profile *profile = report->family->members[i].profile;
	int error;

	text_process_head(terminal, &report->family->members[i]);
	text_process_emptiness(terminal, profile);
	text_waterfall(terminal, profile);
	print_chosen(terminal, profile);
	error = text_heaps(terminal, report, i);
	text_free_runs(terminal, profile);
	text_sizes(terminal, profile);
	if (!error)
		error = text_course(terminal, report, i);
	return error;
}

int report_text_frag(const struct report *report, const struct terminal *terminal)
{
	const struct family *family = report->family;
	size_t i;
	int error = 0;

	for (i = 0; !error && i < family->count; i++) {
		if (i)
			fputc('\n', terminal->out);
		error = print_process(report, i, terminal);
	}
	if (!error)
		error = text_sites(terminal, report, SITES_BY_PINNED,
				   "Who holds free memory on their pages", pinned_line);
	if (error)
		return error;
	text_health(terminal, report);
	text_hint(terminal, report, "peak", "what was live when most was live");
	return 0;
}
