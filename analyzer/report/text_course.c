/* SPDX-License-Identifier: MIT */
#include <math.h>
#include <stdio.h>

#include "calltree.h"
#include "family.h"
#include "figure.h"
#include "profile.h"
#include "report.h"
#include "terminal.h"
#include "text_frag.h"
#include "text_process.h"
#include "text_sites.h"

#define LABEL_COLUMNS 17
#define FIGURE_COLUMNS 12
#define TELLING_PART 100 /* of what was lost; less is not worth a stack */

static double requested(const struct profile_snapshot *s)
{
	return (double)s->requested_bytes;
}

static double usable(const struct profile_snapshot *s)
{
	return (double)s->usable_bytes;
}

static double resident(const struct profile_snapshot *s)
{
	return (double)s->resident_bytes;
}

static double rss(const struct profile_snapshot *s)
{
	return (double)s->rss_bytes;
}

/* The highest value of the snapshots in a column of time; where there is none, that of the
 * last one before it, since it still holds. */
static double column_value(const struct profile *p,
			   double (*value)(const struct profile_snapshot *),
			   unsigned column, unsigned columns)
{
	double from = (double)p->duration_ns * column / columns;
	double to = (double)p->duration_ns * (column + 1) / columns;
	double before = 0, highest = -1;
	bool last = column + 1 == columns;

	for (size_t i = 0; i < p->snapshots_count; i++) {
		const struct profile_snapshot *s = &p->snapshots[i];
		double time = (double)s->time_ns, v = value(s);

		if (time < from)
			before = v;
		else if ((time < to || last) && v > highest)
			highest = v;
	}
	return highest >= 0 ? highest : before;
}

/* One line: label, bars of eighths, the highest figure. */
static void print_curve(const struct terminal *terminal, const struct profile *p,
			const char *label, double (*value)(const struct profile_snapshot *),
			double top, const char *figure)
{
	static const char *const bars[] = {" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
	unsigned columns = terminal->width - LABEL_COLUMNS - FIGURE_COLUMNS - 2;

	fprintf(terminal->out, "  %s%-*s%s", terminal_style(terminal, TERMINAL_FAINT),
		LABEL_COLUMNS - 2, label, terminal_style(terminal, TERMINAL_PLAIN));
	for (unsigned c = 0; c < columns; c++) {
		double v = column_value(p, value, c, columns);
		long level = top > 0 ? lround(v * 8 / top) : 0;

		if (level == 0 && v > 0)
			level = 1;
		fputs(bars[level > 8 ? 8 : level], terminal->out);
	}
	fprintf(terminal->out, " %*s\n", FIGURE_COLUMNS - 1, figure);
}

static double highest(const struct profile *p,
		      double (*value)(const struct profile_snapshot *))
{
	double most = 0;

	for (size_t i = 0; i < p->snapshots_count; i++)
		if (value(&p->snapshots[i]) > most)
			most = value(&p->snapshots[i]);
	return most;
}

static void print_curves(const struct terminal *terminal, const struct profile *p)
{
	double top = highest(p, rss);

	if (highest(p, resident) > top)
		top = highest(p, resident);
	if (highest(p, usable) > top)
		top = highest(p, usable);
	print_curve(terminal, p, "RSS", rss, top, figure_bytes(highest(p, rss)).text);
	print_curve(terminal, p, "heap, resident", resident, top,
		    figure_bytes(highest(p, resident)).text);
	print_curve(terminal, p, "usable", usable, top,
		    figure_bytes(highest(p, usable)).text);
	print_curve(terminal, p, "asked for", requested, top,
		    figure_bytes(highest(p, requested)).text);
	print_curve(terminal, p, "fragmentation", profile_fragmentation, 1,
		    figure_share(highest(p, profile_fragmentation), 1).text);
}

static int print_growth(const struct terminal *terminal, const struct report *report,
			size_t member, const struct profile_growth *growth)
{
	const struct profile *p = report->family->members[member].profile;
	const struct profile_snapshot *from = &p->snapshots[growth->from];
	const struct profile_snapshot *to = &p->snapshots[growth->to];
	int error = 0;

	fprintf(terminal->out, "\n  From %s to %s it rose from %s to %s, by %s.\n",
		figure_duration(from->time_ns).text, figure_duration(to->time_ns).text,
		figure_share(profile_fragmentation(from), 1).text,
		figure_share(profile_fragmentation(to), 1).text,
		figure_bytes((double)growth->lost_bytes).text);
	for (unsigned k = 0; !error && k < PROFILE_GROWTH_SITES; k++) {
		uint32_t node;

		/* Free pages that the allocator keeps are nobody's; crumbs are no answer.
		 */
		if (growth->sites[k] >= p->sites_count ||
		    growth->bytes[k] * TELLING_PART < (double)growth->lost_bytes)
			break;
		fprintf(terminal->out, "  %s more pinned by\n",
			figure_bytes(growth->bytes[k]).text);
		error = calltree_node(report->views[member],
				      p->sites[growth->sites[k]].frame, &node);
		if (!error)
			error = text_chain(terminal, report->tree,
					   calltree_trimmed(report->tree, node));
	}
	return error;
}

int text_course(const struct terminal *terminal, const struct report *report, size_t member)
{
	const struct profile *p = report->family->members[member].profile;
	int error = 0;

	if (p->snapshots_count < 2)
		return 0;
	text_heading(terminal, "Course of the heap (%zu snapshots in %s)",
		     p->snapshots_count, figure_duration(p->duration_ns).text);
	print_curves(terminal, p);
	for (size_t i = 0; !error && i < p->growths_count; i++)
		error = print_growth(terminal, report, member, &p->growths[i]);
	return error;
}
