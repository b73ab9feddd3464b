/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>

#include "figure.h"
#include "profile.h"
#include "terminal.h"
#include "text_frag.h"
#include "text_process.h"

#define COLUMNS_MOST 4

struct row {
	const char *label;
	size_t offset; /* in profile_waterfall */
};

#define ROW(label, member)                                                                 \
	{                                                                                  \
		label, offsetof(struct profile_waterfall, member)                          \
	}

static const struct row rows[] = {
	ROW("asked for, live", requested_bytes),      ROW("rounding, headers", slack_bytes),
	ROW("pinned free bytes", pinned_free_bytes),  ROW("empty heap pages", empty_bytes),
	ROW("other anonymous", other_anon_bytes),     ROW("stacks", stack_bytes),
	ROW("mftrace itself", recorder_bytes),	      ROW("files, shared", file_bytes),
	ROW("files, own copies", private_file_bytes),
};

struct column {
	size_t snapshot;
	const char *label;
};

static uint64_t part(const struct profile_waterfall *w, const struct row *row)
{
	return *(const uint64_t *)(const void *)((const char *)w + row->offset);
}

/* The chosen snapshot, then those of the other moments. */
static size_t find_columns(const struct profile *profile, struct column *columns)
{
	static const struct {
		enum profile_moment_kind kind;
		const char *label;
	} moments[] = {
		{PROFILE_MOMENT_PEAK_LIVE, "most live"},
		{PROFILE_MOMENT_PEAK_RESIDENT, "most RSS"},
		{PROFILE_MOMENT_EXIT, "exit"},
	};
	bool worst = profile->chosen_snapshot == profile->worst_snapshot;
	size_t count = 1;

	columns[0] = (struct column){profile->chosen_snapshot, worst ? "worst" : "chosen"};
	for (size_t m = 0; m < sizeof(moments) / sizeof(moments[0]); m++) {
		const struct profile_moment moment = {.kind = moments[m].kind};
		size_t snapshot = profile_find_moment(profile, &moment);

		if (snapshot != SIZE_MAX)
			columns[count++] = (struct column){snapshot, moments[m].label};
	}
	return count;
}

static void print_head(const struct terminal *terminal, const struct profile *profile,
		       const struct column *columns, size_t count)
{
	fprintf(terminal->out, "%s  %-18s", terminal_style(terminal, TERMINAL_FAINT), "");
	for (size_t i = 0; i < count; i++)
		fprintf(terminal->out, i == 0 ? "%11s        " : "%12s", columns[i].label);
	fprintf(terminal->out, "\n  %-18s", "after");
	for (size_t i = 0; i < count; i++)
		fprintf(terminal->out, i == 0 ? "%11s        " : "%12s",
			figure_duration(profile->snapshots[columns[i].snapshot].time_ns)
				.text);
	fprintf(terminal->out, "%s\n", terminal_style(terminal, TERMINAL_PLAIN));
}

static struct figure signed_bytes(int64_t bytes)
{
	struct figure figure = figure_bytes((double)(bytes < 0 ? -bytes : bytes));
	struct figure result;

	snprintf(result.text, sizeof(result.text), "%s%.40s", bytes < 0 ? "-" : "",
		 figure.text);
	return result;
}

static void print_cell(const struct terminal *terminal, size_t column, const char *bytes,
		       const char *share)
{
	if (column == 0)
		fprintf(terminal->out, "%11s %6s ", bytes, share);
	else
		fprintf(terminal->out, "%12s", bytes);
}

static void print_rows(const struct terminal *terminal, const struct profile *profile,
		       const struct column *columns, size_t count)
{
	for (size_t r = 0; r < sizeof(rows) / sizeof(rows[0]); r++) {
		fprintf(terminal->out, "  %-18s", rows[r].label);
		for (size_t i = 0; i < count; i++) {
			const struct profile_waterfall *w =
				&profile->snapshots[columns[i].snapshot].waterfall;
			uint64_t bytes = part(w, &rows[r]);

			print_cell(terminal, i, figure_bytes((double)bytes).text,
				   figure_share((double)bytes, (double)w->rss_bytes).text);
		}
		fputc('\n', terminal->out);
	}
	fprintf(terminal->out, "  %-18s", "unexplained");
	for (size_t i = 0; i < count; i++) {
		const struct profile_waterfall *w =
			&profile->snapshots[columns[i].snapshot].waterfall;
		double bytes = (double)w->unexplained_bytes;

		print_cell(terminal, i, signed_bytes(w->unexplained_bytes).text,
			   figure_share(bytes < 0 ? -bytes : bytes, (double)w->rss_bytes)
				   .text);
	}
	fputc('\n', terminal->out);
}

void text_waterfall(const struct terminal *terminal, const struct profile *profile)
{
	struct column columns[COLUMNS_MOST];
	uint64_t untouched = 0;
	size_t count;

	if (profile->chosen_snapshot >= profile->snapshots_count)
		return;
	count = find_columns(profile, columns);
	text_heading(terminal, "What the process's resident memory (RSS) is");
	print_head(terminal, profile, columns, count);
	print_rows(terminal, profile, columns, count);
	fprintf(terminal->out, "%s  %-18s", terminal_style(terminal, TERMINAL_STRONG),
		"RSS");
	for (size_t i = 0; i < count; i++) {
		const struct profile_waterfall *w =
			&profile->snapshots[columns[i].snapshot].waterfall;

		print_cell(terminal, i, figure_bytes((double)w->rss_bytes).text, "");
		untouched += w->untouched_bytes;
	}
	fprintf(terminal->out, "%s\n", terminal_style(terminal, TERMINAL_PLAIN));
	if (untouched == 0)
		return;
	fprintf(terminal->out, "  %-18s", "never touched");
	for (size_t i = 0; i < count; i++)
		print_cell(terminal, i,
			   figure_bytes((double)profile->snapshots[columns[i].snapshot]
						.waterfall.untouched_bytes)
				   .text,
			   "");
	fputs("\n  (asked for, but on no resident page: no part of RSS)\n", terminal->out);
}
