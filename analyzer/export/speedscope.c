/* SPDX-License-Identifier: MIT */
/*
 * speedscope.c - Speedscope's own file format: one table of frames, and a profile for each
 * metric (of each process), whose samples are the call sites.
 *
 * https://www.speedscope.app/file-format-schema.json
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include <jansson.h>

#include "calltree.h"
#include "family.h"
#include "formats.h"
#include "framename.h"
#include "numbering.h"
#include "report.h"
#include "stackpath.h"
#include "weights.h"

struct speedscope {
	const struct report *report;
	enum export_metric metric;
	FILE *out;
	struct numbering frames;
	struct stackpath path;
	size_t profiles; /* so far */
	size_t active;	 /* the one to open with */
};

/* A JSON string. */
static int put_string(const char *text, FILE *out)
{
	json_t *string = json_string(text);
	int status = -1;

	if (string)
		status = json_dumpf(string, out, JSON_ENCODE_ANY);
	json_decref(string);
	return status < 0 && !ferror(out) ? -ENOMEM : 0;
}

/* Takes text over; NULL: memory is short. */
static int put_taken(char *text, FILE *out)
{
	int error = text ? put_string(text, out) : -ENOMEM;

	free(text);
	return error;
}

/* The number of a frame, from 0 on; writes it where it is new. node NULL: unknown callers.
 */
static int put_frame(struct speedscope *speedscope, const struct callnode *node)
{
	struct numbering_frame_key key = numbering_frame(node, true);
	FILE *out = speedscope->out;
	uint32_t number;
	bool new;
	int error = numbering_get(&speedscope->frames, &key, sizeof(key), &number, &new);

	if (error || !new)
		return error;
	fputs(number == 1 ? "\n{\"name\":" : ",\n{\"name\":", out);
	if (!node) {
		fputs("\"" FRAMENAME_TRUNCATED "\"}", out);
		return 0;
	}
	error = put_taken(framename_new(node), out);
	if (!error && (node->file || node->module)) {
		fputs(",\"file\":", out);
		error = put_string(node->file ? node->file : node->module, out);
	}
	if (node->file && node->line)
		fprintf(out, ",\"line\":%u", node->line);
	fputc('}', out);
	return error;
}

static const struct callnode *node_at(const struct speedscope *speedscope, size_t place)
{
	if (place >= speedscope->path.count)
		return NULL;
	return calltree_at(speedscope->report->tree, speedscope->path.nodes[place]);
}

/* How many frames the stack has, with that of unknown callers. */
static size_t depth(const struct speedscope *speedscope)
{
	const struct stackpath *path = &speedscope->path;

	return path->count + (path->truncated || path->count == 0);
}

static int put_frames(struct speedscope *speedscope, size_t member)
{
	struct weights weights;
	int error = weights_init(&weights, speedscope->report, member, speedscope->metric);

	for (size_t i = 0; !error && i < weights.sites.count; i++) {
		error = stackpath_set(&speedscope->path, speedscope->report->tree,
				      &weights.sites.items[i]);
		for (size_t at = 0; !error && at < depth(speedscope); at++)
			error = put_frame(speedscope, node_at(speedscope, at));
	}
	weights_done(&weights);
	return error;
}

/* The frames of one sample, outermost first. */
static int put_sample(struct speedscope *speedscope, const struct site *site)
{
	int error = stackpath_set(&speedscope->path, speedscope->report->tree, site);

	fputc('[', speedscope->out);
	for (size_t at = depth(speedscope); !error && at > 0; at--) {
		struct numbering_frame_key key =
			numbering_frame(node_at(speedscope, at - 1), true);
		uint32_t number;
		bool new;

		error = numbering_get(&speedscope->frames, &key, sizeof(key), &number,
				      &new);
		if (!error)
			fprintf(speedscope->out, "%" PRIu32 "%s", number - 1,
				at > 1 ? "," : "");
	}
	fputc(']', speedscope->out);
	return error;
}

/* "peak", or "peak, sqlite3 (pid 4711)" where there are several processes. */
static int put_profile_name(const struct speedscope *speedscope, size_t member,
			    enum export_metric metric)
{
	const struct family *family = speedscope->report->family;
	char *process, *name = NULL;

	if (family->count == 1)
		return put_string(export_metric_name(metric), speedscope->out);
	process = framename_process_new(family->members[member].profile);
	if (process && asprintf(&name, "%s, %s", export_metric_name(metric), process) < 0)
		name = NULL;
	free(process);
	return put_taken(name, speedscope->out);
}

static int put_profile(struct speedscope *speedscope, size_t member,
		       const struct weights *weights, enum export_metric metric)
{
	FILE *out = speedscope->out;
	bool first = true;
	int error;

	fprintf(out,
		"%s{\"type\":\"sampled\",\"name\":", speedscope->profiles++ ? ",\n" : "\n");
	error = put_profile_name(speedscope, member, metric);
	fprintf(out, ",\"unit\":\"%s\",\"startValue\":0,\"endValue\":%" PRIu64,
		export_metric_bytes(metric) ? "bytes" : "none", weights->totals[metric]);
	fputs(",\n\"samples\":[", out);
	for (size_t i = 0; !error && i < weights->sites.count; i++) {
		if (weights->rows[i][metric] == 0)
			continue;
		fputs(first ? "" : ",\n", out);
		first = false;
		error = put_sample(speedscope, &weights->sites.items[i]);
	}
	fputs("],\n\"weights\":[", out);
	first = true;
	for (size_t i = 0; i < weights->sites.count; i++) {
		if (weights->rows[i][metric] == 0)
			continue;
		fprintf(out, "%s%" PRIu64, first ? "" : ",", weights->rows[i][metric]);
		first = false;
	}
	fputs("]}", out);
	return error;
}

/* Metrics of which there is nothing are left out, but for the one that was asked for. */
static int put_profiles(struct speedscope *speedscope, size_t member)
{
	struct weights weights;
	int error = weights_init(&weights, speedscope->report, member, speedscope->metric);

	for (unsigned metric = 0; !error && metric < EXPORT_METRICS; metric++) {
		bool asked = member == 0 && metric == speedscope->metric;

		if (weights.totals[metric] == 0 && !asked)
			continue;
		if (asked)
			speedscope->active = speedscope->profiles;
		error = put_profile(speedscope, member, &weights, metric);
	}
	weights_done(&weights);
	return error;
}

static int write_speedscope(const struct report *report, enum export_metric metric,
			    FILE *out)
{
	struct speedscope speedscope = {.report = report, .metric = metric, .out = out};
	const struct family *family = report->family;
	int error;

	fputs("{\"$schema\":\"https://www.speedscope.app/file-format-schema.json\",\n"
	      "\"exporter\":\"mftrace " MFTRACE_VERSION "\",\"name\":",
	      out);
	error = put_taken(framename_command_new(family->members[0].profile), out);
	fputs(",\n\"shared\":{\"frames\":[", out);
	for (size_t i = 0; !error && i < family->count; i++)
		error = put_frames(&speedscope, i);
	fputs("]},\n\"profiles\":[", out);
	for (size_t i = 0; !error && i < family->count; i++)
		error = put_profiles(&speedscope, i);
	fprintf(out, "],\n\"activeProfileIndex\":%zu}\n", speedscope.active);
	numbering_done(&speedscope.frames);
	stackpath_done(&speedscope.path);
	return error;
}

const struct export_format format_speedscope = {
	.name = "speedscope",
	.summary = "JSON for speedscope.app: a profile for each metric",
	.metrics = EXPORT_ALL_METRICS,
	.metric = EXPORT_PEAK,
	.write = write_speedscope,
};
