/* SPDX-License-Identifier: MIT */
#include "every_report.h"

#include <errno.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "budget.h"
#include "check_output.h"
#include "comparison.h"
#include "complaint.h"
#include "diff.h"
#include "export.h"
#include "family.h"
#include "gauge.h"
#include "json_diff.h"
#include "judge.h"
#include "listing.h"
#include "mft_codec.h"
#include "picture.h"
#include "profile.h"
#include "reader.h"
#include "replay.h"
#include "report.h"
#include "report_json.h"
#include "report_text.h"
#include "side.h"
#include "suppression_writer.h"
#include "suppressions.h"
#include "terminal.h"
#include "text_diff.h"
#include "text_frag.h"
#include "text_leaks.h"
#include "verdict.h"

static FILE *out;
static char scratch[64];
static bool was_short;

static void expect(int condition)
{
	if (!condition)
		abort();
}

static void note_short(int error)
{
	if (error == -ENOMEM)
		was_short = true;
}

/* What a step may say: it went well, or memory is short. */
static void expect_done(int error)
{
	note_short(error);
	expect(error == 0 || error == -ENOMEM);
}

bool every_report_was_short(void)
{
	bool was = was_short;

	was_short = false;
	return was;
}

void every_report_begin(void)
{
	/* Nothing lies there. */
	expect(setenv("MFTRACE_SYMBOL_ROOTS", "/nonexistent", 1) == 0);
	out = fopen("/dev/null", "we");
	expect(out != NULL);
	snprintf(scratch, sizeof(scratch), "/tmp/mftrace-fuzz-%d", (int)getpid());
}

/* ---- What must hold ------------------------------------------------------------------ */

static void check_sites(const struct profile *p)
{
	uint64_t live_blocks = 0, live_bytes = 0, peak_bytes = 0, allocations = 0;

	for (size_t i = 0; i < p->sites_count; i++) {
		expect(p->sites[i].frame < p->frames_count);
		live_blocks += p->sites[i].live_blocks;
		live_bytes += p->sites[i].live_bytes;
		peak_bytes += p->sites[i].peak_bytes;
		allocations += p->sites[i].allocations;
	}
	expect(live_blocks == p->live_blocks && live_bytes == p->live_bytes);
	expect(allocations == p->allocations && peak_bytes == p->peak_bytes);
	expect(p->allocations - p->frees == p->live_blocks);
}

static void check_profile(const struct profile *p)
{
	for (size_t i = 0; i < p->frames_count; i++) {
		const struct profile_frame *frame = &p->frames[i];

		expect(i < MFT_NODE_FIRST || frame->parent < i);
		expect(frame->module == PROFILE_NO_MODULE ||
		       frame->module < p->modules_count);
	}
	/* A ring's older part is the dump's own word. */
	if (p->window.folded_events == 0)
		check_sites(p);
	expect(p->worst_snapshot == SIZE_MAX || p->worst_snapshot < p->snapshots_count);
	for (size_t i = 0; i < p->snapshots_count; i++)
		expect(p->snapshots[i].free_bytes <= p->snapshots[i].resident_bytes &&
		       p->snapshots[i].pinned_bytes <= p->snapshots[i].free_bytes);
	expect(p->exe && p->cwd && p->argv && p->allocator && p->notices);
}

/* ---- A report's forms ---------------------------------------------------------------- */

static void write_texts(const struct report *report)
{
	struct terminal terminal;
	bool found;

	terminal_init(&terminal, out);
	expect_done(report_text_overview(report, &terminal));
	expect_done(report_text_peak(report, &terminal));
	expect_done(report_text_leaks(report, &terminal, ~0u));
	expect_done(report_text_frag(report, &terminal));
	expect_done(report_text_info(report, &terminal));
	expect_done(text_why(&terminal, report, 0, "*", &found));
	text_heapmap(&terminal, report->family->members[0].profile);
	expect_done(suppression_write(report, SUPPRESSION_VALGRIND, out));
	expect_done(suppression_write(report, SUPPRESSION_LSAN, out));
	expect_done(report_json(report, SITES_BY_PEAK, true, out));
}

static void write_exports(const struct report *report, bool files)
{
	for (size_t i = 0; export_formats[i]; i++) {
		const struct export_format *format = export_formats[i];

		if (format->write)
			note_short(format->write(report, format->metric, out));
		else if (files)
			note_short(format->write_path(report, format->metric, scratch));
	}
	if (files)
		(void)unlink(scratch);
}

static void draw(const struct profile_depth *depth)
{
	static const char *const endings[] = {".png", ".svg"};
	char path[80];

	for (size_t i = 0; depth && i < 2; i++) {
		snprintf(path, sizeof(path), "%s%s", scratch, endings[i]);
		(void)picture_write(depth, path);
		(void)unlink(path);
	}
}

bool every_report_of_dump(const char *path, const struct snap *snap, bool files,
			  bool *ret_damaged)
{
	const struct replay_wish wish = {.leaks = {.blocks = true, .force = true},
					 .snap = snap};
	struct complaint complaint = {""};
	struct suppressions *rules = suppressions_new();
	struct profile *profile;
	struct report report;
	struct family family;
	int r = replay_dump_for(path, &wish, NULL, NULL, &profile, &complaint);

	note_short(r);
	*ret_damaged = false;
	if (r < 0 || !rules) {
		expect(r >= 0 || complaint.text[0] != '\0');
		if (r >= 0)
			profile_free(profile);
		suppressions_free(rules);
		return false;
	}
	check_profile(profile);
	*ret_damaged = profile->damage != NULL;
	family_init(&family);
	if (family_add(&family, profile) == 0 && family_arrange(&family) == 0) {
		expect_done(suppressions_add_defaults(rules));
		if (report_init(&report, &family, REPORT_ALL, "DUMP") == 0) {
			expect_done(report_suppress(&report, rules));
			rules = NULL;
			write_texts(&report);
			write_exports(&report, files);
			if (files)
				draw(profile->depth);
		}
		report_done(&report);
	}
	suppressions_free(rules);
	family_done(&family);
	return true;
}

bool every_report_replay(const char *path, bool *ret_damaged)
{
	const struct replay_wish wish = {.leaks = {.blocks = true, .force = true}};
	struct complaint complaint = {""};
	struct profile *profile;
	int r = replay_dump_for(path, &wish, NULL, NULL, &profile, &complaint);

	note_short(r);
	*ret_damaged = false;
	if (r < 0) {
		expect(complaint.text[0] != '\0');
		return false;
	}
	check_profile(profile);
	*ret_damaged = profile->damage != NULL;
	profile_free(profile);
	return true;
}

/* ---- Comparisons --------------------------------------------------------------------- */

static int add_budgets(struct budgets *budgets)
{
	char origin[] = "--max", name[] = "any", pattern[] = "*";
	int error = 0;

	for (size_t i = 0; !error && i < GAUGES; i++) {
		struct budget budget = {
			.gauge = gauge_at(i), .limit = 1000, .origin = origin};

		error = budgets_add(budgets, &budget);
		budget.scope = BUDGET_SITES;
		budget.name = name;
		budget.pattern = pattern;
		if (!error && gauge_at(i)->of_sites)
			error = budgets_add(budgets, &budget);
	}
	return error;
}

static void judge(const struct side *base, const struct side *now,
		  const struct comparison *comparison)
{
	static check_output_fn *const formats[] = {check_text,	 check_json,
						   check_junit,	 check_sarif,
						   check_github, check_markdown};
	const struct baseline_rule rule = {.tolerance = 0.05};
	struct verdicts verdicts;
	struct budgets budgets;

	verdicts_init(&verdicts);
	budgets_init(&budgets);
	if (add_budgets(&budgets) == 0 &&
	    judge_budgets(now, comparison, &budgets, &verdicts) == 0 &&
	    judge_baseline(base, now, comparison, &rule, &verdicts) == 0 &&
	    judge_recordings(now, &verdicts) == 0) {
		verdicts_sort(&verdicts);
		for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++)
			expect_done(formats[i](&verdicts, "/src", out));
	}
	budgets_done(&budgets);
	verdicts_done(&verdicts);
}

void every_verdict(const char *path)
{
	struct complaint complaint = {""};
	struct comparison *comparison;
	struct terminal terminal;
	struct side base, now;
	char *file = NULL;
	int r;

	side_init(&base);
	side_init(&now);
	r = side_add(&base, path, NULL, &file, &complaint);
	if (r == 0)
		r = side_add(&now, path, NULL, &file, &complaint);
	note_short(r);
	expect(r == 0 || complaint.text[0] != '\0');
	if (r == 0 && comparison_new(&base, &now, &comparison) == 0) {
		const struct diff diff = {.base = &base,
					  .now = &now,
					  .comparison = comparison,
					  .tolerance = 0.05,
					  .top = REPORT_ALL};

		terminal_init(&terminal, out);
		expect_done(text_diff(&diff, &terminal));
		expect_done(json_diff(&diff, out));
		judge(&base, &now, comparison);
		comparison_free(comparison);
	}
	free(file);
	side_done(&now);
	side_done(&base);
}

void every_record(const char *path)
{
	const struct listing_options options = {.whole_stacks = true, .limit = 2000};
	struct complaint complaint;
	struct reader *reader;

	if (reader_open(path, &reader, &complaint) < 0)
		return;
	expect(listing_write(reader, &options, out) <= 0);
	reader_close(reader);
}
