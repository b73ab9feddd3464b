/* SPDX-License-Identifier: MIT */
#include "json_diff.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "diff.h"
#include "side.h"

#define DUMP_FLAGS (JSON_COMPACT | JSON_ENSURE_ASCII | JSON_REAL_PRECISION(12))

static json_t *string_or_null(const char *text)
{
	return text ? json_string(text) : json_null();
}

/* Whole numbers as integers. */
static json_t *number(double value)
{
	if (value == floor(value) && fabs(value) < 9e15)
		return json_integer((json_int_t)value);
	return json_real(value);
}

static json_t *band(const struct band *band)
{
	if (band->runs == 0)
		return json_null();
	return json_pack("{s:o,s:o,s:o,s:I}", "min", number(band->min), "median",
			 number(band->median), "max", number(band->max), "runs",
			 (json_int_t)band->runs);
}

static const char *change_name(enum change change)
{
	return change == CHANGE_GREW	 ? "grew"
	       : change == CHANGE_SHRANK ? "shrank"
					 : "unchanged";
}

static json_t *figures(const struct diff *diff, const struct band *base,
		       const struct band *now, unsigned count)
{
	json_t *object = json_object();

	for (unsigned m = 0; object && m < count; m++) {
		bool known = base[m].runs && now[m].runs;
		enum change change = band_change(&base[m], &now[m], diff->tolerance);
		json_t *figure = json_pack(
			"{s:o,s:o,s:o,s:o}", "base", band(&base[m]), "new", band(&now[m]),
			"delta",
			known ? number(now[m].median - base[m].median) : json_null(),
			"change", known ? json_string(change_name(change)) : json_null());

		if (json_object_set_new(object, measure_name(m), figure) < 0) {
			json_decref(object);
			return NULL;
		}
	}
	return object;
}

static json_t *frames(const struct measured_site *site)
{
	json_t *array = json_array();

	for (size_t i = 0; array && i < site->frames_count; i++) {
		const struct measured_frame *frame = &site->frames[i];
		char address[24];
		json_t *object;

		snprintf(address, sizeof(address), "0x%" PRIx64, frame->address);
		object = json_pack("{s:o,s:o,s:o,s:o,s:s,s:b}", "function",
				   string_or_null(frame->function), "file",
				   string_or_null(frame->file), "line",
				   frame->line ? json_integer(frame->line) : json_null(),
				   "module", string_or_null(frame->module), "address",
				   address, "inlined", frame->inlined);
		if (json_array_append_new(array, object) < 0) {
			json_decref(array);
			return NULL;
		}
	}
	return array;
}

/* A member that is null where there is no such site on that side. */
static json_t *id(const struct measured_site *site)
{
	char text[17];

	if (!site)
		return json_null();
	snprintf(text, sizeof(text), "%016" PRIx64, site->id);
	return json_string(text);
}

static const char *state(const struct comparison_site *site)
{
	return !site->base ? "appeared" : !site->now ? "vanished" : "matched";
}

static const char *pairing(const struct comparison_site *site)
{
	switch (site->pairing) {
	case PAIRING_FINGERPRINT:
		return "fingerprint";
	case PAIRING_LIKENESS:
		return "likeness";
	case PAIRING_NONE:
		break;
	}
	return NULL;
}

static int write_object(json_t *object, FILE *out)
{
	int failed = object ? json_dumpf(object, out, DUMP_FLAGS) : -1;

	json_decref(object);
	return failed ? (ferror(out) ? -EIO : -ENOMEM) : 0;
}

static int write_site(const struct diff *diff, const struct comparison_site *site,
		      FILE *out)
{
	const struct measured_site *shown = site->now ? site->now : site->base;

	return write_object(json_pack("{s:s,s:o,s:o,s:o,s:o,s:I,s:I,s:o,s:o}", "state",
				      state(site), "pairing", string_or_null(pairing(site)),
				      "base_id", id(site->base), "new_id", id(site->now),
				      "leak_kind", string_or_null(shown->leak_kind),
				      "shown_begin", (json_int_t)shown->shown_begin,
				      "shown_end", (json_int_t)shown->shown_end, "figures",
				      figures(diff, site->base_bands, site->now_bands,
					      MEASURES_OF_SITES),
				      "frames", frames(shown)),
			    out);
}

static json_t *totals(const struct comparison_program *program, size_t changed)
{
	json_int_t counts[4] = {0}; /* by pairing; and vanished */

	for (size_t i = 0; i < program->sites_count; i++) {
		const struct comparison_site *site = &program->sites[i];

		counts[site->pairing == PAIRING_NONE && !site->now ? 3 : site->pairing]++;
	}
	return json_pack("{s:I,s:I,s:I,s:I,s:I}", "matched",
			 counts[PAIRING_FINGERPRINT] + counts[PAIRING_LIKENESS],
			 "by_likeness", counts[PAIRING_LIKENESS], "appeared",
			 counts[PAIRING_NONE], "vanished", counts[3], "changed",
			 (json_int_t)changed);
}

static int write_program(const struct diff *diff, const struct comparison_program *program,
			 FILE *out)
{
	const struct comparison_site **sites;
	size_t count;
	json_t *object;
	char *text;
	int error = diff_changed_sites(diff, program, &sites, &count);

	if (error)
		return error;
	object = json_pack("{s:s,s:o,s:o,s:I,s:I,s:o,s:o}", "name", program->name,
			   "base_exe", string_or_null(program->base_exe), "new_exe",
			   string_or_null(program->now_exe), "base_processes",
			   (json_int_t)program->base_processes, "new_processes",
			   (json_int_t)program->now_processes, "figures",
			   figures(diff, program->base_bands, program->now_bands, MEASURES),
			   "call_sites", totals(program, count));
	text = object ? json_dumps(object, DUMP_FLAGS) : NULL;
	json_decref(object);
	if (!text) {
		free(sites);
		return -ENOMEM;
	}
	/* The object stays open for one more member, of which there may be very much. */
	fprintf(out, "%.*s,\"sites\":[", (int)strlen(text) - 1, text);
	free(text);
	for (size_t i = 0; !error && i < count && i < diff->top; i++) {
		fputs(i ? ",\n" : "\n", out);
		error = write_site(diff, sites[i], out);
	}
	fputs("]}", out);
	free(sites);
	return error;
}

/* The processes of a run whose recordings are not whole. */
static json_t *lacks(const struct measured_run *run)
{
	json_t *array = json_array();

	for (size_t i = 0; array && i < run->count; i++) {
		const struct measured_process *process = &run->processes[i];

		if (process->lacks &&
		    json_array_append_new(array,
					  json_pack("{s:s,s:I,s:s}", "exe", process->exe,
						    "pid", (json_int_t)process->pid, "why",
						    process->lacks)) < 0) {
			json_decref(array);
			return NULL;
		}
	}
	return array;
}

static json_t *side(const struct side *side, bool instants, bool ends, uint64_t time_ns)
{
	json_t *runs = json_array();

	for (size_t i = 0; runs && i < side->count; i++) {
		const struct measured_run *run = &side->runs[i];

		if (json_array_append_new(runs, json_pack("{s:s,s:b,s:o}", "path",
							  run->path, "stored", run->stored,
							  "not_whole", lacks(run))) < 0) {
			json_decref(runs);
			return NULL;
		}
	}
	return json_pack("{s:o,s:o}", "runs", runs, "at_ns",
			 instants && !ends ? json_integer((json_int_t)time_ns)
					   : json_null());
}

int json_diff(const struct diff *diff, FILE *out)
{
	int error;

	fputs("{\"schema\":\"mftrace-diff/1\",\"base\":", out);
	error = write_object(
		side(diff->base, diff->instants, diff->base_ends, diff->base_ns), out);
	fputs(",\"new\":", out);
	if (!error)
		error = write_object(
			side(diff->now, diff->instants, diff->now_ends, diff->now_ns), out);
	fprintf(out, ",\"tolerance\":%.12g,\"programs\":[\n", diff->tolerance);
	for (size_t i = 0; !error && i < diff->comparison->count; i++) {
		if (i)
			fputs(",\n", out);
		error = write_program(diff, &diff->comparison->programs[i], out);
	}
	fputs("]}\n", out);
	if (!error && (fflush(out) == EOF || ferror(out)))
		error = -EIO;
	return error;
}
