/* SPDX-License-Identifier: MIT */
/*
 * SARIF 2.1.0 (OASIS; docs.oasis-open.org/sarif/sarif/v2.1.0): a rule for each kind of
 * finding, a result for each failure, with the place of the call site that spent most, the
 * stacks of the others as code flows, and fingerprints that stay from build to build.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "check_output.h"
#include "check_words.h"
#include "gauge.h"
#include "json_process.h"
#include "measured.h"
#include "printable.h"
#include "verdict.h"

#define SCHEMA                                                                             \
	"https://docs.oasis-open.org/sarif/sarif/v2.1.0/os/schemas/"                       \
	"sarif-schema-2.1.0.json"

/* Adds to an array, which may be NULL, and so may item. Returns 0 or -1. */
static int append(json_t *array, json_t *item)
{
	if (array && item)
		return json_array_append_new(array, item);
	json_decref(item);
	return -1;
}

/* The array where all was well, else NULL. */
static json_t *whole(json_t *array, int bad)
{
	if (!bad)
		return array;
	json_decref(array);
	return NULL;
}

/* A path as a URI reference: RFC 3986, section 3.3. */
static json_t *uri_of(const char *path)
{
	static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				    "0123456789-._~/!$&'()*+,;=@";
	size_t size = 3 * strlen(path) + sizeof("file://");
	char *text = malloc(size);
	size_t length = 0;
	json_t *uri;

	if (!text)
		return NULL;
	if (*path == '/')
		length = (size_t)snprintf(text, size, "file://");
	for (; *path; path++) {
		if (strchr(plain, *path))
			text[length++] = *path;
		else
			length += (size_t)snprintf(text + length, size - length, "%%%02X",
						   (unsigned char)*path);
	}
	text[length] = '\0';
	uri = json_string(text);
	free(text);
	return uri;
}

static json_t *message(char *text)
{
	json_t *object = text ? json_pack("{s:s}", "text", text) : NULL;

	free(text);
	return object;
}

static json_t *physical_location(const struct measured_frame *frame, const char *root)
{
	const char *file = check_relative(frame->file, root);
	json_t *artifact = json_pack("{s:o}", "uri", uri_of(file));

	if (artifact && *file != '/')
		json_object_set_new(artifact, "uriBaseId", json_string("%SRCROOT%"));
	return json_pack("{s:o,s:{s:i}}", "artifactLocation", artifact, "region",
			 "startLine", (int)frame->line);
}

/* A frame as a location: where it is, and whose function. */
static json_t *location(const struct measured_frame *frame, const char *root)
{
	json_t *object =
		json_pack("{s:o}", "message", message(check_frame_new(frame, root)));

	if (object && frame->file && frame->line &&
	    json_object_set_new(object, "physicalLocation", physical_location(frame, root)))
		return json_decref(object), NULL;
	if (object && frame->function) {
		json_t *name = json_pack("[{s:o,s:s}]", "fullyQualifiedName",
					 json_text(frame->function), "kind", "function");

		if (json_object_set_new(object, "logicalLocations", name))
			return json_decref(object), NULL;
	}
	return object;
}

/* The stack of a call site, from its beginning to the allocation. */
static json_t *code_flow(const struct verdict *verdict, size_t n, const char *root)
{
	const struct measured_site *site = verdict->culprits[n].site;
	json_t *steps = json_array();
	int bad = 0;

	for (size_t i = site->shown_end; !bad && i > site->shown_begin; i--)
		bad = append(steps, json_pack("{s:o}", "location",
					      location(&site->frames[i - 1], root)));
	return json_pack("{s:o,s:[{s:o}]}", "message", message(check_share_new(verdict, n)),
			 "threadFlows", "locations", whole(steps, bad));
}

static json_t *code_flows(const struct verdict *verdict, const char *root)
{
	json_t *array = json_array();
	int bad = 0;

	for (size_t n = 0; !bad && n < verdict->culprits_count; n++) {
		const struct measured_site *site = verdict->culprits[n].site;

		if (site->shown_begin < site->shown_end)
			bad = append(array, code_flow(verdict, n, root));
	}
	return whole(array, bad);
}

/* Where to point: at the site that spent most. */
static json_t *locations(const struct verdict *verdict, const char *root)
{
	const struct measured_frame *frame =
		verdict->culprits_count ? check_place(verdict->culprits[0].site, root)
					: NULL;

	return frame ? json_pack("[o]", location(frame, root)) : json_array();
}

static json_t *fingerprints(const struct verdict *verdict)
{
	json_t *object = json_pack("{s:o}", "mftraceCheck/v1", json_text(verdict->name));
	char id[17];

	if (object && verdict->culprits_count > 0) {
		snprintf(id, sizeof(id), "%016" PRIx64, verdict->culprits[0].site->id);
		json_object_set_new(object, "mftraceSite/v1", json_string(id));
	}
	return object;
}

static json_t *result(const struct verdict *verdict, const char *root)
{
	json_t *flows = code_flows(verdict, root);
	json_t *object;
	char rule[64];

	verdict_rule(verdict, rule, sizeof(rule));
	object = json_pack("{s:s,s:s,s:o,s:o,s:o}", "ruleId", rule, "level", "error",
			   "message", message(check_story_new(verdict, root)), "locations",
			   locations(verdict, root), "partialFingerprints",
			   fingerprints(verdict));
	if (object && json_array_size(flows) > 0)
		json_object_set(object, "codeFlows", flows);
	json_decref(flows);
	return object;
}

static json_t *rule(const char *id, const char *what, const char *meaning)
{
	return json_pack("{s:s,s:{s:s},s:{s:s},s:{s:s}}", "id", id, "shortDescription",
			 "text", what, "fullDescription", "text", meaning,
			 "defaultConfiguration", "level", "error");
}

static json_t *rules(void)
{
	json_t *array = json_array();
	char id[64], what[128];
	int bad = 0;

	for (size_t i = 0; !bad && i < GAUGES; i++) {
		const struct gauge *gauge = gauge_at(i);

		snprintf(id, sizeof(id), "%s-over-budget", gauge->name);
		snprintf(what, sizeof(what), "Over budget: %s", gauge->noun);
		bad = append(array, rule(id, what, gauge->meaning));
		if (bad || !gauge->compared)
			continue;
		snprintf(id, sizeof(id), "%s-grew", gauge->name);
		snprintf(what, sizeof(what), "More than in the baseline: %s", gauge->noun);
		bad = append(array, rule(id, what, gauge->meaning));
	}
	if (!bad)
		bad = append(array, rule("new-leak", "A call site that leaks is new",
					 "It leaked nothing in the baseline."));
	if (!bad)
		bad = append(array, rule("program-missing", "A program has not run",
					 "The baseline has processes of it."));
	return whole(array, bad);
}

/* What is not known is trouble of the tool's, not a finding. */
static json_t *invocation(const struct verdicts *verdicts)
{
	json_t *array = json_array();
	int bad = 0;

	for (size_t i = 0; !bad && i < verdicts->count; i++) {
		if (verdicts->items[i].status == VERDICT_UNKNOWN)
			bad = append(array,
				     json_pack("{s:s,s:o}", "level", "error", "message",
					       message(check_sentence_new(
						       &verdicts->items[i]))));
	}
	return json_pack("[{s:b,s:i,s:o}]", "executionSuccessful", verdicts->unknown == 0,
			 "exitCode", verdicts_exit_status(verdicts),
			 "toolExecutionNotifications", whole(array, bad));
}

int check_sarif(const struct verdicts *verdicts, const char *root, FILE *out)
{
	json_t *results = json_array();
	json_t *log;
	int bad = 0;

	for (size_t i = 0; !bad && i < verdicts->count; i++) {
		if (verdicts->items[i].status == VERDICT_FAILED)
			bad = append(results, result(&verdicts->items[i], root));
	}
	log = json_pack("{s:s,s:s,s:[{s:{s:{s:s,s:s,s:o}},s:o,s:o,s:s}]}", "$schema",
			SCHEMA, "version", "2.1.0", "runs", "tool", "driver", "name",
			"mftrace", "version", MFTRACE_VERSION, "rules", rules(),
			"invocations", invocation(verdicts), "results", whole(results, bad),
			"columnKind", "unicodeCodePoints");
	if (!log)
		return -ENOMEM;
	bad = json_dumpf(log, out, JSON_INDENT(2));
	json_decref(log);
	fputc('\n', out);
	return bad || ferror(out) ? -EIO : 0;
}
