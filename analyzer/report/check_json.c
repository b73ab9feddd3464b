/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

#include <jansson.h>

#include "check_output.h"
#include "check_words.h"
#include "gauge.h"
#include "json_process.h"
#include "measured.h"
#include "verdict.h"

static json_t *text_or_null(const char *text)
{
	return text ? json_text(text) : json_null();
}

/* Bytes and counts are whole numbers. */
static json_t *number(const struct gauge *gauge, double value)
{
	if (isnan(value))
		return json_null();
	return gauge->unit == QUANTITY_RATIO || value != floor(value)
		       ? json_real(value)
		       : json_integer((json_int_t)value);
}

static json_t *frames_array(const struct measured_site *site)
{
	json_t *array = json_array();

	for (size_t i = site->shown_begin; array && i < site->shown_end; i++) {
		const struct measured_frame *frame = &site->frames[i];
		json_t *object = json_pack(
			"{s:o,s:o,s:o,s:o}", "function", text_or_null(frame->function),
			"file", text_or_null(frame->file), "line",
			frame->line ? json_integer(frame->line) : json_null(), "module",
			text_or_null(frame->module));

		if (json_array_append_new(array, object) < 0) {
			json_decref(array);
			return NULL;
		}
	}
	return array;
}

static json_t *sites_array(const struct verdict *verdict)
{
	json_t *array = json_array();

	for (size_t n = 0; array && n < verdict->culprits_count; n++) {
		const struct culprit *culprit = &verdict->culprits[n];
		char id[17];
		json_t *object;

		snprintf(id, sizeof(id), "%016" PRIx64, culprit->site->id);
		object = json_pack("{s:s,s:o,s:o,s:o}", "id", id, "value",
				   json_real(culprit->value), "base",
				   isnan(culprit->base) ? json_null()
							: json_real(culprit->base),
				   "frames", frames_array(culprit->site));
		if (json_array_append_new(array, object) < 0) {
			json_decref(array);
			return NULL;
		}
	}
	return array;
}

static json_t *verdict_object(const struct verdict *verdict)
{
	static const char *const units[] = {[QUANTITY_BYTES] = "bytes",
					    [QUANTITY_COUNT] = "count",
					    [QUANTITY_RATIO] = "ratio"};
	const struct gauge *gauge = verdict->gauge;
	char rule[64];

	verdict_rule(verdict, rule, sizeof(rule));
	return json_pack(
		"{s:o,s:s,s:s,s:s,s:s,s:s,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o}", "name",
		json_text(verdict->name), "kind", check_kind_name(verdict), "rule", rule,
		"status", check_status_name(verdict), "figure", gauge->name, "unit",
		units[gauge->unit], "value", number(gauge, verdict->value), "limit",
		number(gauge, verdict->limit), "base", number(gauge, verdict->base),
		"subject", json_text(verdict->subject), "origin",
		json_text(verdict->origin), "note", text_or_null(verdict->note), "next",
		text_or_null(verdict->next), "sites", sites_array(verdict));
}

int check_json(const struct verdicts *verdicts, const char *root, FILE *out)
{
	static const char *const statuses[] = {"passed", "failed", "unknown"};
	int status = verdicts_exit_status(verdicts);
	json_t *array = json_array();
	json_t *object;
	int bad = array ? 0 : -1;

	(void)root; /* files are named as they were built */
	for (size_t i = 0; !bad && i < verdicts->count; i++)
		bad = json_array_append_new(array, verdict_object(&verdicts->items[i]));
	if (bad) {
		json_decref(array);
		return -ENOMEM;
	}
	object = json_pack("{s:s,s:s,s:i,s:I,s:I,s:I,s:o}", "schema", "mftrace-check/1",
			   "status", statuses[status], "exit_status", status, "checked",
			   (json_int_t)verdicts->count, "failed",
			   (json_int_t)verdicts->failed, "unknown",
			   (json_int_t)verdicts->unknown, "verdicts", array);
	if (!object)
		return -ENOMEM;
	bad = json_dumpf(object, out, JSON_INDENT(2) | JSON_REAL_PRECISION(12));
	json_decref(object);
	fputc('\n', out);
	return bad || ferror(out) ? -EIO : 0;
}
