/* SPDX-License-Identifier: MIT */
/*
 * folded.c - stacks folded into lines: functions from the outermost on with semicolons in
 * between, a space, a number. What flamegraph.pl and its relatives read.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "calltree.h"
#include "family.h"
#include "formats.h"
#include "framename.h"
#include "report.h"
#include "stackpath.h"
#include "weights.h"

/* A semicolon would begin another frame. */
static void put_name(const char *name, FILE *out)
{
	for (; *name; name++)
		fputc(*name == ';' ? ':' : *name, out);
}

static int put_stack(const struct calltree *tree, const struct stackpath *path,
		     const char *process, FILE *out)
{
	const char *between = "";

	if (process) {
		put_name(process, out);
		between = ";";
	}
	if (path->truncated || (path->count == 0 && !process)) {
		fprintf(out, "%s" FRAMENAME_TRUNCATED, between);
		between = ";";
	}
	for (size_t i = path->count; i > 0; i--) {
		char *name = framename_new(calltree_at(tree, path->nodes[i - 1]));

		if (!name)
			return -ENOMEM;
		fputs(between, out);
		put_name(name, out);
		between = ";";
		free(name);
	}
	return 0;
}

static int write_process(const struct report *report, size_t member,
			 enum export_metric metric, const char *process, FILE *out)
{
	struct stackpath path = {.count = 0};
	struct weights weights;
	int error = weights_init(&weights, report, member, metric);

	for (size_t i = 0; !error && i < weights.sites.count; i++) {
		if (weights.rows[i][metric] == 0)
			continue;
		error = stackpath_set(&path, report->tree, &weights.sites.items[i]);
		if (!error)
			error = put_stack(report->tree, &path, process, out);
		fprintf(out, " %" PRIu64 "\n", weights.rows[i][metric]);
	}
	stackpath_done(&path);
	weights_done(&weights);
	return error;
}

static int write_folded(const struct report *report, enum export_metric metric, FILE *out)
{
	const struct family *family = report->family;
	int error = 0;

	for (size_t i = 0; !error && i < family->count; i++) {
		char *process = NULL;

		if (family->count > 1) {
			process = framename_process_new(family->members[i].profile);
			if (!process)
				return -ENOMEM;
		}
		error = write_process(report, i, metric, process, out);
		free(process);
	}
	return error;
}

const struct export_format format_folded = {
	.name = "folded",
	.summary = "a line a call stack: flamegraph.pl, inferno, speedscope",
	.metrics = EXPORT_ALL_METRICS,
	.metric = EXPORT_PEAK,
	.write = write_folded,
};
