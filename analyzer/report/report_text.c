/* SPDX-License-Identifier: MIT */
#include "report_text.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "family.h"
#include "figure.h"
#include "mft_codec.h"
#include "printable.h"
#include "profile.h"
#include "report.h"
#include "terminal.h"
#include "text_family.h"
#include "text_leaks.h"
#include "text_process.h"
#include "text_sites.h"
#include "text_suppressions.h"

static void print_heads(const struct terminal *terminal, const struct report *report,
			bool figures)
{
	const struct family *family = report->family;
	size_t i;

	if (family->count > 1) {
		text_family(terminal, report);
	} else if (family->count == 1) {
		text_process_head(terminal, &family->members[0]);
		if (figures && family->members[0].profile->allocations > 0) {
			fputc('\n', terminal->out);
			text_process_figures(terminal, family->members[0].profile);
		}
	}
	for (i = 0; i < family->count; i++) {
		if (family->count == 1 ||
		    (family->members[i].profile->header.flags & MFT_FLAG_OWN_MALLOC))
			text_process_emptiness(terminal, family->members[i].profile);
	}
}

static void overview_line(const struct terminal *terminal, const struct site *site,
			  double whole)
{
	fprintf(terminal->out, "%s%s%s  %s of the peak, in %s by %s\n",
		terminal_style(terminal, TERMINAL_STRONG),
		figure_bytes((double)site->peak_bytes).text,
		terminal_style(terminal, TERMINAL_PLAIN),
		figure_share((double)site->peak_bytes, whole).text,
		figure_counted(site->peak_blocks, "block").text, mft_op_name(site->op));
	fprintf(terminal->out, "     %s%s, %s temporary; %s never freed%s",
		terminal_style(terminal, TERMINAL_FAINT),
		figure_counted(site->allocations, "allocation").text,
		figure_share((double)site->temporary, (double)site->allocations).text,
		figure_bytes((double)site->live_bytes).text,
		terminal_style(terminal, TERMINAL_PLAIN));
}

static void peak_line(const struct terminal *terminal, const struct site *site,
		      double whole)
{
	fprintf(terminal->out, "%s%s%s  %s in %s, %s on average; %s",
		terminal_style(terminal, TERMINAL_STRONG),
		figure_bytes((double)site->peak_bytes).text,
		terminal_style(terminal, TERMINAL_PLAIN),
		figure_share((double)site->peak_bytes, whole).text,
		figure_counted(site->peak_blocks, "block").text,
		figure_bytes(site->peak_blocks
				     ? (double)site->peak_bytes / (double)site->peak_blocks
				     : 0)
			.text,
		mft_op_name(site->op));
}

/* Points to the subject that stands out. */
static void print_next(const struct terminal *terminal, const struct report *report)
{
	const struct family *family = report->family;
	uint64_t live = 0, peak = 0;
	double worst = 0;
	size_t i;

	for (i = 0; i < family->count; i++) {
		const struct profile *p = family->members[i].profile;

		live += p->live_bytes;
		peak += p->peak_bytes;
		/* Below a megabyte nobody needs to look. */
		if (p->peak_bytes > 1024 * 1024 && text_fragmentation_at_peak(p) > worst)
			worst = text_fragmentation_at_peak(p);
	}
	if (live * 2 > peak)
		text_hint(terminal, report, "leaks",
			  "most of the peak was never freed: who holds it");
	else if (worst > 0.3)
		text_hint(terminal, report, "frag",
			  "much resident memory was not asked for: who pins it");
	else
		text_hint(terminal, report, "peak", "all of the peak, by call site");
}

int report_text_overview(const struct report *report, const struct terminal *terminal)
{
	int error;

	print_heads(terminal, report, true);
	error = text_sites(terminal, report, SITES_BY_PEAK,
			   "Top call sites by memory held at the peak", overview_line);
	if (error)
		return error;
	text_health(terminal, report);
	print_next(terminal, report);
	return 0;
}

int report_text_peak(const struct report *report, const struct terminal *terminal)
{
	const struct family *family = report->family;
	int error;

	print_heads(terminal, report, false);
	if (family->count == 1 && family->members[0].profile->allocations > 0) {
		const struct profile *p = family->members[0].profile;

		text_field(terminal, "peak", "%s in %s, %s after the start",
			   figure_bytes((double)p->peak_bytes).text,
			   figure_counted(p->peak_blocks, "block").text,
			   figure_duration(p->peak_time_ns).text);
	}
	error = text_sites(terminal, report, SITES_BY_PEAK,
			   family->count > 1
				   ? "What was live at the peak of each process, together"
				   : "What was live at the peak",
			   peak_line);
	if (error)
		return error;
	text_health(terminal, report);
	text_hint(terminal, report, "leaks", "what of it was never freed");
	return 0;
}

int report_text_leaks(const struct report *report, const struct terminal *terminal,
		      unsigned kinds)
{
	int error;

	print_heads(terminal, report, false);
	error = text_leaks_summary(terminal, report);
	if (!error)
		error = text_leaks_sites(terminal, report, kinds);
	for (size_t i = 0; !error && i < report->family->count; i++)
		error = text_cycles(terminal, report, i);
	if (!error)
		error = text_growth(terminal, report);
	if (error)
		return error;
	text_suppressions(terminal, report->suppressions);
	text_health(terminal, report);
	text_hint(terminal, report, "frag", "what free memory costs");
	return 0;
}
