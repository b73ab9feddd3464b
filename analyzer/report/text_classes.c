/* SPDX-License-Identifier: MIT */
#include <math.h>
#include <stdio.h>

#include "figure.h"
#include "profile.h"
#include "terminal.h"
#include "text_frag.h"
#include "text_process.h"

#define BAR_COLUMNS 24
#define CLASSES 63
/* Smaller runs are glibc's headers and what no block fits in. */
#define TELLING_RUN_BYTES 32.0

static void print_bar(const struct terminal *terminal, double part, double most)
{
	unsigned columns = most > 0 ? (unsigned)lround(part * BAR_COLUMNS / most) : 0;

	if (columns == 0 && part > 0)
		columns = 1;
	fputs("  ", terminal->out);
	while (columns-- > 0)
		fputs("█", terminal->out);
	fputc('\n', terminal->out);
}

/* What is free, but too scattered to serve. */
static void print_unfit(const struct terminal *terminal, const struct profile_snapshot *s)
{
	if (s->free_bytes <= s->largest_free_run_bytes)
		return;
	fprintf(terminal->out,
		"  %s are free, but nothing larger than %s fits into them\n"
		"  (free-space index %.3f; near 1: all crumbs).\n",
		figure_bytes((double)s->free_bytes).text,
		figure_bytes((double)s->largest_free_run_bytes).text,
		1 - (double)s->largest_free_run_bytes / (double)s->free_bytes);
}

void text_free_runs(const struct terminal *terminal, const struct profile *profile)
{
	const struct profile_depth *depth = profile->depth;
	const struct profile_snapshot *s;
	double most = 0;
	unsigned c;

	if (!depth)
		return;
	s = &profile->snapshots[depth->snapshot];
	if (s->free_bytes == 0)
		return;
	text_heading(terminal, "Free memory in resident pages, by size of the run");
	print_unfit(terminal, s);
	for (c = 0; c < CLASSES; c++)
		if ((double)depth->free_runs[c].bytes > most)
			most = (double)depth->free_runs[c].bytes;
	fprintf(terminal->out, "%s%13s %11s %11s %13s%s\n",
		terminal_style(terminal, TERMINAL_FAINT), "from", "runs", "free",
		"would fit", terminal_style(terminal, TERMINAL_PLAIN));
	for (c = 0; c < CLASSES; c++) {
		const struct profile_free_class *class = &depth->free_runs[c];
		double least = ldexp(1, (int)c);

		if (class->count == 0 || least < TELLING_RUN_BYTES)
			continue;
		fprintf(terminal->out, "%13s %11s %11s %13s", figure_bytes(least).text,
			figure_count(class->count).text,
			figure_bytes((double)class->bytes).text,
			figure_count(class->fits).text);
		print_bar(terminal, (double)class->bytes, most);
	}
}

void text_sizes(const struct terminal *terminal, const struct profile *profile)
{
	const struct profile_depth *depth = profile->depth;
	double most = 0;
	unsigned c;

	if (!depth || profile->snapshots[depth->snapshot].live_blocks == 0)
		return;
	for (c = 0; c < CLASSES; c++)
		if (depth->size_classes[c].pinned_bytes > most)
			most = depth->size_classes[c].pinned_bytes;
	text_heading(terminal, "Live blocks by size, and what their pages have free");
	fprintf(terminal->out, "%s%10s %10s %10s %9s %9s %7s %10s%s\n",
		terminal_style(terminal, TERMINAL_FAINT), "from", "blocks", "usable",
		"rounding", "pages", "filled", "free there",
		terminal_style(terminal, TERMINAL_PLAIN));
	for (c = 0; c < CLASSES; c++) {
		const struct profile_size_class *class = &depth->size_classes[c];
		double pages = (double)class->pages * depth->page_bytes;

		if (class->blocks == 0)
			continue;
		fprintf(terminal->out, "%10s %10s %10s %9s %9s %7s %10s%s\n",
			figure_bytes(ldexp(1, (int)c)).text,
			figure_count(class->blocks).text,
			figure_bytes((double)class->usable_bytes).text,
			figure_bytes((double)(class->usable_bytes - class->requested_bytes))
				.text,
			figure_count(class->pages).text,
			figure_share((double)class->resident_bytes, pages).text,
			figure_bytes(class->pinned_bytes).text,
			class->pinned_bytes >= most && most > 0 ? "  <-" : "");
	}
}
