/* SPDX-License-Identifier: MIT */
#include "text_leaks.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "family.h"
#include "figure.h"
#include "mft_codec.h"
#include "profile.h"
#include "report.h"
#include "sites.h"
#include "terminal.h"
#include "text_process.h"
#include "text_sites.h"

/* ---- Summary ------------------------------------------------------------------------ */

struct sums {
	struct profile_amount totals[PROFILE_LEAK_KINDS], leaked, in_cycles;
	uint64_t cycles, older_than_ns;
	size_t classified, unclassified; /* processes */
	size_t unjudged;		 /* of the latter */
	const char *doubt;		 /* of the first of those that have one */
	bool forced;
};

static void add(struct profile_amount *to, const struct profile_amount *more)
{
	to->bytes += more->bytes;
	to->blocks += more->blocks;
}

static struct sums sum_up(const struct family *family)
{
	struct sums sums = {.cycles = 0};

	for (size_t i = 0; i < family->count; i++) {
		const struct profile_leaks *leaks = &family->members[i].profile->leaks;
		struct profile_amount leaked = profile_leaked(leaks, leaks->totals);

		for (unsigned kind = 0; kind < PROFILE_LEAK_KINDS; kind++)
			add(&sums.totals[kind], &leaks->totals[kind]);
		add(&sums.leaked, &leaked);
		add(&sums.in_cycles, &leaks->in_cycles);
		sums.cycles += leaks->cycles_total;
		sums.older_than_ns = leaks->older_than_ns;
		sums.unjudged += leaks->doubt && !leaks->forced;
		sums.forced |= leaks->forced;
		if (!sums.doubt)
			sums.doubt = leaks->doubt;
		if (leaks->classified)
			sums.classified++;
		else
			sums.unclassified++;
	}
	return sums;
}

/* "1.2 MiB in 7 blocks" and what that means; nothing where there are none. */
static void kind_field(const struct terminal *terminal, const struct sums *sums,
		       enum profile_leak_kind kind, const char *label, const char *meaning)
{
	const struct profile_amount *amount = &sums->totals[kind];

	if (amount->blocks == 0)
		return;
	text_field(terminal, label, "%s in %s%s%s%s",
		   figure_bytes((double)amount->bytes).text,
		   figure_counted(amount->blocks, "block").text,
		   terminal_style(terminal, TERMINAL_FAINT), meaning,
		   terminal_style(terminal, TERMINAL_PLAIN));
}

static void print_kinds(const struct terminal *terminal, const struct sums *sums)
{
	char young[96];

	if (sums->leaked.blocks == 0)
		text_field(terminal, "leaked", "%snothing%s",
			   terminal_style(terminal, TERMINAL_STRONG),
			   terminal_style(terminal, TERMINAL_PLAIN));
	else
		text_field(terminal, "leaked", "%s%s%s in %s",
			   terminal_style(terminal, TERMINAL_STRONG),
			   figure_bytes((double)sums->leaked.bytes).text,
			   terminal_style(terminal, TERMINAL_PLAIN),
			   figure_counted(sums->leaked.blocks, "block").text);
	kind_field(terminal, sums, PROFILE_LEAK_DEFINITE, "  definite",
		   ": no pointer leads to them");
	kind_field(terminal, sums, PROFILE_LEAK_INDIRECT, "  indirect",
		   ": only lost blocks point to them");
	kind_field(terminal, sums, PROFILE_LEAK_POSSIBLE, "  possible",
		   ": held inside, not at the start");
	if (sums->cycles > 0)
		text_field(terminal, "  in cycles", "%s in %s of %s",
			   figure_bytes((double)sums->in_cycles.bytes).text,
			   figure_counted(sums->cycles, "cycle").text,
			   figure_counted(sums->in_cycles.blocks, "block").text);
	kind_field(terminal, sums, PROFILE_LEAK_REACHABLE, "reachable",
		   ": in use until the end");
	kind_field(terminal, sums, PROFILE_LEAK_UNFREED, "unfreed",
		   sums->unclassified > 0 ? ": in processes that were not scanned"
					  : ": allocated after the scan");
	kind_field(terminal, sums, PROFILE_LEAK_SUPPRESSED, "suppressed", "");
	snprintf(young, sizeof(young), ": not older than %s",
		 figure_duration(sums->older_than_ns).text);
	kind_field(terminal, sums, PROFILE_LEAK_YOUNG, "younger", young);
}

/* That frees may be missing, and what follows from it. */
static void print_doubt(const struct terminal *terminal, const struct sums *sums,
			const struct family *family)
{
	if (!sums->doubt)
		return;
	text_field(terminal, sums->forced ? "doubtful" : "not judged",
		   "%s%s%s, and frees may be among what is missing",
		   terminal_style(terminal, TERMINAL_WARNING), sums->doubt,
		   terminal_style(terminal, TERMINAL_PLAIN));
	if (sums->unjudged > 0 && family->count > 1)
		text_field(terminal, "", "(so of %zu of %zu processes)", sums->unjudged,
			   family->count);
	if (!sums->forced)
		text_field(terminal, "", "to judge what is unfreed all the same: --force");
}

static void print_unclassified(const struct terminal *terminal, const struct sums *sums)
{
	text_field(terminal, "unfreed", "%s in %s",
		   figure_bytes((double)sums->leaked.bytes).text,
		   figure_counted(sums->leaked.blocks, "block").text);
	kind_field(terminal, sums, PROFILE_LEAK_SUPPRESSED, "suppressed", "");
	kind_field(terminal, sums, PROFILE_LEAK_YOUNG, "younger", "");
	if (sums->doubt)
		return;
	text_field(terminal, "",
		   "not classified: some of it may still be in use. To know,");
	text_field(terminal, "", "record with: mftrace run --leak-scan -- PROGRAM");
}

/* What a process's scan lacks makes blocks look lost that are not, or the other way. */
static void print_scan(const struct terminal *terminal, const struct profile *profile)
{
	const struct profile_leaks *leaks = &profile->leaks;

	if (!leaks->classified || leaks->flags == 0)
		return;
	text_field(terminal, "scan", "%sincomplete%s: what is called lost may be in use",
		   terminal_style(terminal, TERMINAL_WARNING),
		   terminal_style(terminal, TERMINAL_PLAIN));
	if (leaks->flags & MFT_SCAN_DEADLINE)
		text_field(terminal, "", "its time ran out (after %s)",
			   figure_duration(leaks->scan_ns).text);
	if (leaks->flags & MFT_SCAN_THREADS)
		text_field(terminal, "", "%s could not be stopped",
			   figure_counted(leaks->threads_running, "thread").text);
	if (leaks->flags & MFT_SCAN_PAGES)
		text_field(terminal, "", "%s could not be read, or were swapped out",
			   figure_counted(leaks->absent_pages, "page").text);
	if (leaks->flags & MFT_SCAN_SPACE)
		text_field(terminal, "", "there was no space for all pointers in the dump");
	if (leaks->flags & MFT_SCAN_MOVING)
		text_field(terminal, "", "the process was running meanwhile");
}

/* The first site, in words. */
static int print_advice(const struct terminal *terminal, const struct report *report,
			const struct sums *sums)
{
	struct sites sites;
	char *place = NULL;
	int error = report_sites(report, FAMILY_NONE, SITES_BY_RETAINED, SITES_BY_RETAINED,
				 &sites);

	if (error || sites.count == 0)
		goto out;
	place = text_place_new(report->tree, sites.items[0].shown,
			       terminal->width - TEXT_FIELD_COLUMNS);
	if (!place) {
		error = -ENOMEM;
		goto out;
	}
	text_field(terminal, "mend first", "%s", place);
	text_field(terminal, "",
		   "%s%s of what is leaked: its blocks, and what only they hold%s",
		   terminal_style(terminal, TERMINAL_FAINT),
		   figure_share((double)sites.items[0].retained.bytes,
				(double)sums->leaked.bytes)
			   .text,
		   terminal_style(terminal, TERMINAL_PLAIN));
out:
	free(place);
	sites_done(&sites);
	return error;
}

int text_leaks_summary(const struct terminal *terminal, const struct report *report)
{
	const struct family *family = report->family;
	const struct sums sums = sum_up(family);

	if (sums.classified == 0) {
		print_unclassified(terminal, &sums);
		print_doubt(terminal, &sums, family);
		return 0;
	}
	print_kinds(terminal, &sums);
	print_doubt(terminal, &sums, family);
	for (size_t i = 0; i < family->count; i++)
		print_scan(terminal, family->members[i].profile);
	return print_advice(terminal, report, &sums);
}

/* ---- Sites -------------------------------------------------------------------------- */

static void print_origin(const struct terminal *terminal, const struct site *site)
{
	fprintf(terminal->out, "\n     %s", terminal_style(terminal, TERMINAL_FAINT));
	if (site->leak_last_ns > site->leak_first_ns)
		fprintf(terminal->out, "from %s",
			figure_duration(site->leak_first_ns).text);
	if (site->leak_last_ns > site->leak_first_ns)
		fprintf(terminal->out, " to %s", figure_duration(site->leak_last_ns).text);
	else
		fprintf(terminal->out, "%s", figure_duration(site->leak_first_ns).text);
	fputs(" after the start", terminal->out);
	if (site->leak_thread)
		fprintf(terminal->out, ", thread %u", (unsigned)site->leak_thread);
	else
		fputs(", several threads", terminal->out);
	fprintf(terminal->out, "; of %s%s",
		figure_counted(site->allocations, "allocation").text,
		terminal_style(terminal, TERMINAL_PLAIN));
}

static void print_amount(const struct terminal *terminal,
			 const struct profile_amount *amount, double whole,
			 const char *what, uint8_t op)
{
	fprintf(terminal->out, "%s%s%s  %s%s in %s; %s",
		terminal_style(terminal, TERMINAL_STRONG),
		figure_bytes((double)amount->bytes).text,
		terminal_style(terminal, TERMINAL_PLAIN),
		figure_share((double)amount->bytes, whole).text, what,
		figure_counted(amount->blocks, "block").text, mft_op_name(op));
}

static void definite_line(const struct terminal *terminal, const struct site *site,
			  double whole)
{
	const struct profile_amount *own = &site->leaks[PROFILE_LEAK_DEFINITE];

	if (site->retained.blocks == own->blocks) {
		print_amount(terminal, own, whole, "", site->op);
	} else {
		fprintf(terminal->out, "%s%s%s  %s: %s of %s, and %s that only they hold",
			terminal_style(terminal, TERMINAL_STRONG),
			figure_bytes((double)site->retained.bytes).text,
			terminal_style(terminal, TERMINAL_PLAIN),
			figure_share((double)site->retained.bytes, whole).text,
			figure_counted(own->blocks, "block").text,
			figure_bytes((double)own->bytes).text,
			figure_count(site->retained.blocks - own->blocks).text);
	}
	print_origin(terminal, site);
}

static void indirect_line(const struct terminal *terminal, const struct site *site,
			  double whole)
{
	print_amount(terminal, &site->leaks[PROFILE_LEAK_INDIRECT], whole, "", site->op);
	print_origin(terminal, site);
}

static void possible_line(const struct terminal *terminal, const struct site *site,
			  double whole)
{
	print_amount(terminal, &site->leaks[PROFILE_LEAK_POSSIBLE], whole, "", site->op);
	print_origin(terminal, site);
}

static void reachable_line(const struct terminal *terminal, const struct site *site,
			   double whole)
{
	print_amount(terminal, &site->leaks[PROFILE_LEAK_REACHABLE], whole, "", site->op);
}

static void unfreed_line(const struct terminal *terminal, const struct site *site,
			 double whole)
{
	print_amount(terminal, &site->leaked, whole, "", site->op);
	print_origin(terminal, site);
}

int text_leaks_sites(const struct terminal *terminal, const struct report *report,
		     unsigned kinds)
{
	static const struct {
		enum profile_leak_kind kind;
		enum sites_order order;
		const char *heading;
		text_site_line_fn *line;
	} parts[] = {
		{PROFILE_LEAK_DEFINITE, SITES_BY_RETAINED,
		 "Definitely lost, by what goes with it", definite_line},
		{PROFILE_LEAK_POSSIBLE, SITES_BY_POSSIBLE, "Possibly lost", possible_line},
		{PROFILE_LEAK_INDIRECT, SITES_BY_INDIRECT,
		 "Indirectly lost: held by lost blocks only", indirect_line},
		{PROFILE_LEAK_REACHABLE, SITES_BY_REACHABLE, "Still reachable",
		 reachable_line},
	};
	const struct sums sums = sum_up(report->family);
	int error = 0;

	if (sums.classified == 0)
		return text_sites(terminal, report, SITES_BY_LEAKED,
				  sums.doubt ? "What was not seen to be freed"
					     : "What was never freed",
				  unfreed_line);
	for (size_t i = 0; !error && i < sizeof(parts) / sizeof(parts[0]); i++)
		if (kinds & 1u << parts[i].kind)
			error = text_sites(terminal, report, parts[i].order,
					   parts[i].heading, parts[i].line);
	return error;
}

/* ---- Growth ------------------------------------------------------------------------- */

/* The unit of time in which a pace has at least a kilobyte, or an hour. */
static double pace_seconds(double bytes_per_s, const char **ret_name)
{
	static const struct {
		double seconds;
		const char *name;
	} units[] = {{1, "s"}, {60, "min"}, {3600, "h"}};
	size_t i = 0;

	while (i < 2 && bytes_per_s * units[i].seconds < 1024)
		i++;
	*ret_name = units[i].name;
	return units[i].seconds;
}

static void growth_line(const struct terminal *terminal, const struct site *site,
			double whole)
{
	const struct profile_trend *trend = &site->trend;
	const char *unit;
	double seconds = pace_seconds(trend->bytes_per_s, &unit);

	(void)whole;
	fprintf(terminal->out, "%s%s/%s%s  (%s to %s), %s in the last %s",
		terminal_style(terminal, TERMINAL_STRONG),
		figure_bytes(trend->bytes_per_s * seconds).text, unit,
		terminal_style(terminal, TERMINAL_PLAIN),
		figure_bytes(trend->low * seconds).text,
		figure_bytes(trend->high * seconds).text,
		figure_bytes((double)trend->grown_bytes).text,
		figure_duration(trend->window_ns).text);
}

/* Whether what came earlier is known by its sums only. */
static bool has_windows(const struct report *report)
{
	for (size_t i = 0; i < report->family->count; i++)
		if (report->family->members[i].profile->window.folded_events)
			return true;
	return false;
}

int text_growth(const struct terminal *terminal, const struct report *report)
{
	return text_sites(terminal, report, SITES_BY_GROWTH,
			  has_windows(report)
				  ? "Grows steadily over the second half of the window"
				  : "Grows steadily over the second half of the run",
			  growth_line);
}
