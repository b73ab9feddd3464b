/* SPDX-License-Identifier: MIT */
#include "text_diff.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "calltree.h"
#include "diff.h"
#include "figure.h"
#include "printable.h"
#include "side.h"
#include "terminal.h"
#include "text_lacks.h"
#include "text_process.h"
#include "text_sites.h"

enum unit {
	UNIT_BYTES,
	UNIT_COUNT,
	UNIT_RATIO,
};

struct row {
	enum measure measure;
	enum unit unit;
	const char *label;
};

static const struct row rows[] = {
	{MEASURE_PEAK, UNIT_BYTES, "peak"},
	{MEASURE_LIVE, UNIT_BYTES, "live at exit"},
	{MEASURE_LEAKED, UNIT_BYTES, "leaked"},
	{MEASURE_DEFINITE, UNIT_BYTES, "definitely lost"},
	{MEASURE_ALLOCATIONS, UNIT_COUNT, "allocations"},
	{MEASURE_ALLOCATED, UNIT_BYTES, "allocated"},
	{MEASURE_TEMPORARY, UNIT_COUNT, "temporary"},
	{MEASURE_RESIDENT, UNIT_BYTES, "resident heap"},
	{MEASURE_PINNED, UNIT_BYTES, "pinned"},
	{MEASURE_FRAGMENTATION, UNIT_RATIO, "fragmentation"},
};

/* ---- Figures ------------------------------------------------------------------------ */

static struct figure amount(double value, enum unit unit)
{
	struct figure figure;

	if (unit == UNIT_BYTES)
		return figure_bytes(value);
	if (unit == UNIT_COUNT)
		return figure_number(value);
	snprintf(figure.text, sizeof(figure.text), "%.1f%%", 100 * value);
	return figure;
}

/* "+1.2 MiB", "-3", "+0.4 points" */
static struct figure signed_amount(double value, enum unit unit)
{
	struct figure figure;
	const char *sign = value < 0 ? "-" : "+";

	if (unit == UNIT_RATIO)
		snprintf(figure.text, sizeof(figure.text), "%+.1f points", 100 * value);
	else
		snprintf(figure.text, sizeof(figure.text), "%s%.60s", sign,
			 amount(fabs(value), unit).text);
	return figure;
}

/* "+5.6%", or "" where it would say nothing. */
static struct figure percent(double from, double to)
{
	struct figure figure = {""};
	double change = from > 0 ? 100 * (to - from) / from : 0;

	if (from <= 0 || to <= 0)
		return figure;
	if (fabs(change) < 1000)
		snprintf(figure.text, sizeof(figure.text), "%+.1f%%", change);
	else
		snprintf(figure.text, sizeof(figure.text), "x%.0f", to / from);
	return figure;
}

/* The median, and the band's ends where several runs differ. */
static struct figure band_text(const struct band *band, enum unit unit)
{
	if (band->runs == 0)
		return (struct figure){"-"};
	return amount(band->median, unit);
}

/* ---- A program ---------------------------------------------------------------------- */

static void print_row(const struct diff *diff, const struct terminal *terminal,
		      const struct comparison_program *program, const struct row *row)
{
	const struct band *base = &program->base_bands[row->measure];
	const struct band *now = &program->now_bands[row->measure];
	enum change change = band_change(base, now, diff->tolerance);
	const char *label = row->label;
	struct figure delta = {"="}, share = {""};

	if (base->runs == 0 && now->runs == 0)
		return;
	if (row->measure == MEASURE_LIVE && diff->instants)
		label = "live then";
	if (row->measure == MEASURE_LEAKED && !diff_classified(program))
		label = "unfreed";
	if (base->runs == 0 || now->runs == 0) {
		delta = (struct figure){"not known"};
	} else if (change != CHANGE_NONE) {
		delta = signed_amount(now->median - base->median, row->unit);
		if (row->unit != UNIT_RATIO)
			share = percent(base->median, now->median);
	} else if (base->median != now->median) {
		delta = (struct figure){"within noise"};
	}
	fprintf(terminal->out, "  %s%-17s%s%14s%14s  %s%14s%s",
		terminal_style(terminal, TERMINAL_FAINT), label,
		terminal_style(terminal, TERMINAL_PLAIN), band_text(base, row->unit).text,
		band_text(now, row->unit).text,
		change == CHANGE_NONE ? "" : terminal_style(terminal, TERMINAL_STRONG),
		delta.text,
		change == CHANGE_NONE ? "" : terminal_style(terminal, TERMINAL_PLAIN));
	if (*share.text)
		fprintf(terminal->out, "%10s", share.text);
	fputc('\n', terminal->out);
}

static void print_pairing(const struct terminal *terminal,
			  const struct comparison_program *program)
{
	size_t both = 0, alike = 0, appeared = 0, vanished = 0;

	for (size_t i = 0; i < program->sites_count; i++) {
		const struct comparison_site *site = &program->sites[i];

		both += site->pairing != PAIRING_NONE;
		alike += site->pairing == PAIRING_LIKENESS;
		appeared += !site->base;
		vanished += !site->now;
	}
	fprintf(terminal->out, "  %s%-17s%s%s in both", /* no figure in two columns */
		terminal_style(terminal, TERMINAL_FAINT), "call sites",
		terminal_style(terminal, TERMINAL_PLAIN), figure_count(both).text);
	if (alike)
		fprintf(terminal->out, " (%s by likeness)", figure_count(alike).text);
	if (appeared)
		fprintf(terminal->out, ", %s appeared", figure_count(appeared).text);
	if (vanished)
		fprintf(terminal->out, ", %s vanished", figure_count(vanished).text);
	fputc('\n', terminal->out);
}

static void print_program_head(const struct diff *diff, const struct terminal *terminal,
			       const struct comparison_program *program)
{
	char *name = printable_new(*program->name ? program->name : "?");

	fprintf(terminal->out, "\n%s%s%s", terminal_style(terminal, TERMINAL_HEADING),
		name ? name : "?", terminal_style(terminal, TERMINAL_PLAIN));
	free(name);
	if (!program->base_exe)
		fputs("  runs on the new side only", terminal->out);
	else if (!program->now_exe)
		fputs("  runs on the base side only", terminal->out);
	else if (program->base_processes != program->now_processes)
		fprintf(terminal->out, "  %zu %s, %zu before", program->now_processes,
			program->now_processes == 1 ? "process" : "processes",
			program->base_processes);
	else if (program->now_processes > 1)
		fprintf(terminal->out, "  %zu processes", program->now_processes);
	fprintf(terminal->out, "\n  %s%-17s%14s%14s  %14s%s\n",
		terminal_style(terminal, TERMINAL_FAINT), "", "base", "new", "change",
		terminal_style(terminal, TERMINAL_PLAIN));
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		print_row(diff, terminal, program, &rows[i]);
	print_pairing(terminal, program);
}

/* ---- Call sites --------------------------------------------------------------------- */

static int print_frames(const struct terminal *terminal, const struct measured_site *site)
{
	size_t count = site->shown_end - site->shown_begin;
	struct callnode *frames = calloc(count + 1, sizeof(*frames));
	int error;

	if (!frames)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++) {
		const struct measured_frame *from = &site->frames[site->shown_begin + i];

		frames[i] = (struct callnode){
			.function = from->function,
			.file = from->file,
			.line = from->line,
			.module = from->module,
			.address = from->address,
			.inlined = from->inlined,
		};
	}
	error = text_frames(terminal, frames, count);
	free(frames);
	return error;
}

/* "+32 B  0 B -> 32 B  1 block, 0 before  appeared" */
static int print_site(const struct diff *diff, const struct terminal *terminal,
		      const struct comparison_site *site, const struct row *row,
		      size_t number)
{
	const struct band *base = &site->base_bands[row->measure];
	const struct band *now = &site->now_bands[row->measure];
	enum change change = comparison_site_change(site, row->measure, diff->tolerance);

	fprintf(terminal->out, "%s%3zu  %s%s%s  %s", number > 1 ? "\n" : "", number,
		terminal_style(terminal, TERMINAL_STRONG),
		signed_amount(now->median - base->median, row->unit).text,
		terminal_style(terminal, TERMINAL_PLAIN), diff_change_name(site, change));
	if (site->base && site->now)
		fprintf(terminal->out, ": %s -> %s", amount(base->median, row->unit).text,
			amount(now->median, row->unit).text);
	/* The measure behind one in bytes counts its blocks. */
	if (row->unit == UNIT_BYTES && row->measure != MEASURE_PINNED) {
		double from = site->base_bands[row->measure + 1].median;
		double to = site->now_bands[row->measure + 1].median;

		if (from == to)
			fprintf(terminal->out, "  in %s",
				figure_counted((uint64_t)llround(to), "block").text);
		else if (site->base && site->now)
			fprintf(terminal->out, "  in %s -> %s",
				figure_count((uint64_t)llround(from)).text,
				figure_counted((uint64_t)llround(to), "block").text);
		else
			fprintf(terminal->out, "  in %s",
				figure_counted((uint64_t)llround(fmax(from, to)), "block")
					.text);
	}
	if (site->pairing == PAIRING_LIKENESS)
		fprintf(terminal->out, "  %s(by likeness)%s",
			terminal_style(terminal, TERMINAL_FAINT),
			terminal_style(terminal, TERMINAL_PLAIN));
	fputc('\n', terminal->out);
	return print_frames(terminal, site->now ? site->now : site->base);
}

static void print_list_head(const struct terminal *terminal, const struct row *row,
			    const struct diff_counts *counts)
{
	const struct {
		size_t count;
		const char *word;
	} parts[] = {{counts->appeared, "appeared"},
		     {counts->grew, "grew"},
		     {counts->shrank, "shrank"},
		     {counts->vanished, "vanished"}};
	bool first = true;

	fprintf(terminal->out, "\n%s%s%s  %s: ", terminal_style(terminal, TERMINAL_HEADING),
		row->label, terminal_style(terminal, TERMINAL_PLAIN),
		signed_amount(counts->delta, row->unit).text);
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		if (parts[i].count == 0)
			continue;
		fprintf(terminal->out, "%s%s %s", first ? "" : ", ",
			first ? figure_counted(parts[i].count, "call site").text
			      : figure_count(parts[i].count).text,
			parts[i].word);
		first = false;
	}
	fputc('\n', terminal->out);
}

/* Returns 0, 1 where there is something, or -ENOMEM. */
static int print_list(const struct diff *diff, const struct terminal *terminal,
		      const struct comparison_program *program, const struct row *row)
{
	const struct comparison_site **sites;
	struct diff_counts counts;
	size_t count, i;
	int error = diff_sites(diff, program, row->measure, &sites, &count, &counts);

	if (error)
		return error;
	if (count > 0)
		print_list_head(terminal, row, &counts);
	for (i = 0; !error && i < count && i < diff->top; i++)
		error = print_site(diff, terminal, sites[i], row, i + 1);
	if (!error && count > i)
		fprintf(terminal->out, "\n%s     … and %s more %s%s\n",
			terminal_style(terminal, TERMINAL_FAINT),
			figure_count(count - i).text,
			count - i == 1 ? "call site" : "call sites",
			terminal_style(terminal, TERMINAL_PLAIN));
	free(sites);
	return error ? error : count > 0;
}

/* Between instants nothing is lost yet; and without a scan what is live at exit is what was
 * not freed. */
static bool says_something(const struct diff *diff, enum measure measure, bool classified)
{
	if (measure == MEASURE_LEAKED)
		return !diff->instants;
	if (measure == MEASURE_LIVE)
		return diff->instants || classified;
	return true;
}

static int print_lists(const struct diff *diff, const struct terminal *terminal,
		       const struct comparison_program *program)
{
	const bool classified = diff_classified(program);
	const struct row lists[] = {
		{MEASURE_LEAKED, UNIT_BYTES, classified ? "Leaked" : "Unfreed at exit"},
		{MEASURE_LIVE, UNIT_BYTES, diff->instants ? "Live then" : "Live at exit"},
		{MEASURE_PEAK, UNIT_BYTES, "At the peak"},
		{MEASURE_PINNED, UNIT_BYTES, "Pinned free memory"},
		{MEASURE_ALLOCATIONS, UNIT_COUNT, "Allocations"},
		{MEASURE_TEMPORARY, UNIT_COUNT, "Temporary allocations"},
	};
	int something = 0;

	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		int r;

		if (!says_something(diff, lists[i].measure, classified))
			continue;
		r = print_list(diff, terminal, program, &lists[i]);
		if (r < 0)
			return r;
		something |= r;
	}
	if (!something)
		fputs("\nNo call site changed.\n", terminal->out);
	return 0;
}

/* ---- The whole ---------------------------------------------------------------------- */

static void print_side(const struct terminal *terminal, const char *label,
		       const struct side *side, const char *when)
{
	size_t room = terminal->width - TEXT_FIELD_COLUMNS;
	const char *path = side->runs[0].path;
	char more[96] = "";
	size_t columns, rest;

	if (side->count > 1)
		snprintf(more, sizeof(more), " and %zu more %s", side->count - 1,
			 side->count == 2 ? "run" : "runs");
	columns = printable_columns(path, SIZE_MAX);
	rest = printable_columns(more, SIZE_MAX) + printable_columns(when, SIZE_MAX);
	if (columns + rest <= room)
		text_field(terminal, label, "%s%s%s", path, more, when);
	else
		text_field(terminal, label, "…%s%s%s",
			   path + printable_fit(path, columns + rest - room + 1), more,
			   when);
}

static void name_instant(const struct diff *diff, bool ends, uint64_t time_ns,
			 char text[static 64])
{
	if (!diff->instants)
		text[0] = '\0';
	else if (ends)
		snprintf(text, 64, ", at its end");
	else
		snprintf(text, 64, ", after %.48s", figure_duration(time_ns).text);
}

int text_diff(const struct diff *diff, const struct terminal *terminal)
{
	char when[64];
	int error = 0;

	name_instant(diff, diff->base_ends, diff->base_ns, when);
	print_side(terminal, "base", diff->base, when);
	name_instant(diff, diff->now_ends, diff->now_ns, when);
	print_side(terminal, "new", diff->now, when);
	if (diff->tolerance > 0)
		text_field(terminal, "tolerance", "%.4g%%", 100 * diff->tolerance);
	error = text_lacks(terminal, "base", diff->base);
	if (!error)
		error = text_lacks(terminal, "new", diff->now);
	for (size_t i = 0; !error && i < diff->comparison->count; i++) {
		const struct comparison_program *program = &diff->comparison->programs[i];

		print_program_head(diff, terminal, program);
		error = print_lists(diff, terminal, program);
	}
	return error;
}
