/* SPDX-License-Identifier: MIT */
/*
 * callgrind.c - Callgrind's profile format, for KCachegrind and callgrind_annotate: each
 * metric is an event, and the functions of call stacks call each other.
 *
 * https://valgrind.org/docs/manual/cl-format.html
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "callgraph.h"
#include "calltree.h"
#include "family.h"
#include "formats.h"
#include "framename.h"
#include "profile.h"
#include "report.h"
#include "weights.h"

/* What the format's own tools call what is not known. */
#define UNKNOWN "???"

struct callgrind {
	const struct report *report;
	struct callgraph graph;
	struct numbering files, objects;
	bool *named; /* by function less 1: its name was written */
	enum export_metric order[EXPORT_METRICS];
	uint64_t totals[EXPORT_METRICS]; /* by metric, not in that order */
	FILE *out;
};

/* That which was asked for first: what callgrind_annotate sorts by. */
static void set_order(struct callgrind *callgrind, enum export_metric first)
{
	size_t count = 0;

	callgrind->order[count++] = first;
	for (unsigned metric = 0; metric < EXPORT_METRICS; metric++)
		if (metric != first)
			callgrind->order[count++] = metric;
}

static const char *long_name(enum export_metric metric)
{
	static const char *const names[EXPORT_METRICS] = {
		[EXPORT_PEAK] = "Bytes live at the peak",
		[EXPORT_LEAKED] = "Bytes leaked",
		[EXPORT_ALLOCATED] = "Bytes allocated",
		[EXPORT_ALLOCATIONS] = "Allocations",
		[EXPORT_TEMPORARY] = "Temporary allocations",
		[EXPORT_PINNED] = "Free bytes pinned",
	};

	return names[metric];
}

static int put_header(const struct callgrind *callgrind)
{
	const struct profile *profile = callgrind->report->family->members[0].profile;
	char *command = framename_command_new(profile);
	FILE *out = callgrind->out;

	if (!command)
		return -ENOMEM;
	fprintf(out, "# callgrind format\nversion: 1\ncreator: mftrace-%s\n",
		MFTRACE_VERSION);
	if (callgrind->report->family->count == 1)
		fprintf(out, "pid: %d\n", (int)profile->header.pid);
	fprintf(out, "cmd: %s\npart: 1\n", command);
	fputs("desc: Trigger: the end of the recording\n\npositions: line\n", out);
	for (size_t i = 0; i < EXPORT_METRICS; i++)
		fprintf(out, "event: %s : %s\n", export_metric_name(callgrind->order[i]),
			long_name(callgrind->order[i]));
	fputs("events:", out);
	for (size_t i = 0; i < EXPORT_METRICS; i++)
		fprintf(out, " %s", export_metric_name(callgrind->order[i]));
	fputs("\n", out);
	free(command);
	return 0;
}

static void put_costs(const struct callgrind *callgrind, const uint64_t *costs)
{
	for (size_t i = 0; i < EXPORT_METRICS; i++)
		fprintf(callgrind->out, " %" PRIu64, costs[callgrind->order[i]]);
	fputc('\n', callgrind->out);
}

/* "fl=(3) a.c": the name comes with its number the first time only. */
static int put_place(struct numbering *numbering, const char *keyword, const char *text,
		     FILE *out)
{
	uint32_t number;
	bool new;
	int error;

	if (!text)
		text = UNKNOWN;
	error = numbering_get(numbering, text, strlen(text) + 1, &number, &new);
	if (error)
		return error;
	fprintf(out, "%s=(%" PRIu32 ")%s%s\n", keyword, number, new ? " " : "",
		new ? text : "");
	return 0;
}

/* The node of a function, NULL where there is none. */
static const struct callnode *node_of(const struct callgrind *callgrind, uint32_t function)
{
	const struct report *report = callgrind->report;
	uint32_t node = callgrind->graph.nodes[function - 1];

	if (node >= CALLGRAPH_PROCESS(report->family->count - 1))
		return NULL;
	return calltree_at(report->tree, node);
}

/* NULL: memory is short. */
static char *name_new(const struct callgrind *callgrind, uint32_t function)
{
	const struct callnode *node = node_of(callgrind, function);
	uint32_t place = callgrind->graph.nodes[function - 1];

	if (node)
		return framename_new(node);
	if (place == CALLGRAPH_UNKNOWN)
		return strdup(FRAMENAME_TRUNCATED);
	/* The macro is its own inverse. */
	place = CALLGRAPH_PROCESS(place);
	return framename_process_new(callgrind->report->family->members[place].profile);
}

/* Object, file and function; the keywords of a caller or of a callee. */
static int put_function(struct callgrind *callgrind, uint32_t function,
			const char *const keywords[3])
{
	const struct callnode *node = node_of(callgrind, function);
	FILE *out = callgrind->out;
	int error;

	error = put_place(&callgrind->objects, keywords[0], node ? node->module : NULL,
			  out);
	if (!error)
		error = put_place(&callgrind->files, keywords[1], node ? node->file : NULL,
				  out);
	if (error)
		return error;
	fprintf(out, "%s=(%" PRIu32 ")", keywords[2], function);
	if (!callgrind->named[function - 1]) {
		char *name = name_new(callgrind, function);

		if (!name)
			return -ENOMEM;
		fprintf(out, " %s", name);
		free(name);
		callgrind->named[function - 1] = true;
	}
	fputc('\n', out);
	return 0;
}

static int put_arcs(struct callgrind *callgrind)
{
	static const char *const caller[3] = {"ob", "fl", "fn"};
	static const char *const callee[3] = {"cob", "cfi", "cfn"};
	const struct callgraph *graph = &callgrind->graph;
	FILE *out = callgrind->out;
	uint32_t current = 0;
	int error = 0;

	for (size_t i = 0; !error && i < graph->arcs_count; i++) {
		const struct callgraph_arc *arc = &graph->arcs[i];

		if (arc->caller != current) {
			current = arc->caller;
			fputc('\n', out);
			error = put_function(callgrind, current, caller);
		}
		if (!error && arc->callee) {
			error = put_function(callgrind, arc->callee, callee);
			fprintf(out, "calls=%" PRIu64 " 0\n", arc->allocations);
		}
		fprintf(out, "%" PRIu32, arc->line);
		put_costs(callgrind, arc->costs);
	}
	return error;
}

/* All processes. Returns 0 or -ENOMEM. */
static int make_graph(struct callgrind *callgrind)
{
	const struct report *report = callgrind->report;
	int error = 0;

	for (size_t i = 0; !error && i < report->family->count; i++) {
		struct weights weights;

		error = weights_init(&weights, report, i, callgrind->order[0]);
		if (!error)
			error = callgraph_add(&callgrind->graph, report, i, &weights);
		for (size_t metric = 0; metric < EXPORT_METRICS; metric++)
			callgrind->totals[metric] += weights.totals[metric];
		weights_done(&weights);
	}
	callgraph_arrange(&callgrind->graph);
	return error;
}

static int write_callgrind(const struct report *report, enum export_metric metric,
			   FILE *out)
{
	struct callgrind callgrind = {.report = report, .out = out};
	int error;

	set_order(&callgrind, metric);
	error = make_graph(&callgrind);
	if (!error) {
		callgrind.named = calloc(callgrind.graph.functions.count + 1, sizeof(bool));
		error = callgrind.named ? put_header(&callgrind) : -ENOMEM;
	}
	if (!error) {
		fputs("summary:", out);
		put_costs(&callgrind, callgrind.totals);
		error = put_arcs(&callgrind);
		fputs("\ntotals:", out);
		put_costs(&callgrind, callgrind.totals);
	}
	callgraph_done(&callgrind.graph);
	numbering_done(&callgrind.files);
	numbering_done(&callgrind.objects);
	free(callgrind.named);
	return error;
}

const struct export_format format_callgrind = {
	.name = "callgrind",
	.summary = "KCachegrind, QCachegrind, callgrind_annotate",
	.metrics = EXPORT_ALL_METRICS,
	.metric = EXPORT_PEAK,
	.write = write_callgrind,
};
