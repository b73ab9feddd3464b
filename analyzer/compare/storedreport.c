/* SPDX-License-Identifier: MIT */
#include "storedreport.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <jansson.h>

#include "complaint.h"
#include "measured.h"
#include "printable.h"
#include "profile.h"
#include "symbols.h"

#define SCHEMA "mftrace-report/1"

/* Where reading is, for complaints, and what it needs. The first error stays. */
struct storedreport {
	struct symbols *symbols;
	struct complaint *complaint;
	int error;
	size_t process, site, frame;
	enum {
		AT_TOP,
		AT_PROCESS,
		AT_SITE,
		AT_FRAME
	} depth;
};

/* ---- Members ------------------------------------------------------------------------ */

static void refuse(struct storedreport *r, const char *member, const char *what)
{
	char place[96] = "";

	if (r->error)
		return;
	r->error = -EBADMSG;
	if (r->depth == AT_PROCESS)
		snprintf(place, sizeof(place), "processes[%zu].", r->process);
	else if (r->depth == AT_SITE)
		snprintf(place, sizeof(place), "processes[%zu].sites[%zu].", r->process,
			 r->site);
	else if (r->depth == AT_FRAME)
		snprintf(place, sizeof(place), "processes[%zu].sites[%zu].frames[%zu].",
			 r->process, r->site, r->frame);
	complaint_set(r->complaint, "not a report: %s%s: %s", place, member, what);
}

static json_t *member(struct storedreport *r, json_t *object, const char *name)
{
	json_t *value = json_object_get(object, name);

	if (!value)
		refuse(r, name, "is missing");
	return value;
}

/* The member of a member, as "peak.bytes"; null where one of them is null. */
static json_t *inner(struct storedreport *r, json_t *object, const char *path)
{
	const char *dot = strchr(path, '.');
	char outer[32];
	json_t *value;

	if (!dot)
		return member(r, object, path);
	snprintf(outer, sizeof(outer), "%.*s", (int)(dot - path), path);
	value = member(r, object, outer);
	if (!value || json_is_null(value))
		return value;
	if (!json_is_object(value)) {
		refuse(r, outer, "not an object");
		return NULL;
	}
	value = json_object_get(value, dot + 1);
	if (!value)
		refuse(r, path, "is missing");
	return value;
}

/* A number that is not negative unless it is a ratio; NaN where it is null. */
static double number(struct storedreport *r, json_t *object, const char *path)
{
	json_t *value = inner(r, object, path);

	if (!value || json_is_null(value))
		return NAN;
	if (!json_is_number(value)) {
		refuse(r, path, "not a number");
		return NAN;
	}
	if (json_number_value(value) < 0 && !strstr(path, "ratio")) {
		refuse(r, path, "is negative");
		return NAN;
	}
	return json_number_value(value);
}

static size_t index_of(struct storedreport *r, json_t *object, const char *name,
		       size_t most)
{
	json_t *value = member(r, object, name);

	if (!value)
		return 0;
	if (!json_is_integer(value) || json_integer_value(value) < 0 ||
	    (uint64_t)json_integer_value(value) > most) {
		refuse(r, name, "not an index into frames");
		return 0;
	}
	return (size_t)json_integer_value(value);
}

static bool truth(struct storedreport *r, json_t *object, const char *path)
{
	json_t *value = inner(r, object, path);

	if (value && !json_is_boolean(value))
		refuse(r, path, "neither true nor false");
	return json_is_true(value);
}

/* NULL where it is null. */
static const char *text(struct storedreport *r, json_t *object, const char *name)
{
	json_t *value = member(r, object, name);
	const char *pooled;

	if (!value || json_is_null(value))
		return NULL;
	if (!json_is_string(value)) {
		refuse(r, name, "not a string");
		return NULL;
	}
	pooled = symbols_string(r->symbols, json_string_value(value));
	if (!pooled && !r->error)
		r->error = -ENOMEM;
	return pooled;
}

static json_t *list(struct storedreport *r, json_t *object, const char *name)
{
	json_t *value = member(r, object, name);

	if (value && !json_is_array(value)) {
		refuse(r, name, "not an array");
		return NULL;
	}
	return value;
}

static void *room_for(struct storedreport *r, size_t count, size_t bytes)
{
	void *room = r->error ? NULL : calloc(count + 1, bytes);

	if (!room && !r->error)
		r->error = -ENOMEM;
	return room;
}

static json_t *object_in(struct storedreport *r, json_t *array, size_t i)
{
	json_t *object = json_array_get(array, i);

	if (!json_is_object(object))
		refuse(r, "", "not an object");
	return object;
}

/* ---- Sites -------------------------------------------------------------------------- */

static uint64_t hex_number(struct storedreport *r, const char *digits, const char *name)
{
	uint64_t value;
	char *end;

	if (!digits || !*digits) {
		refuse(r, name, "not a hexadecimal number");
		return 0;
	}
	errno = 0;
	value = strtoull(digits, &end, 16);
	if (errno || *end || *digits == '-' || *digits == '+')
		refuse(r, name, "not a hexadecimal number");
	return value;
}

static void read_frame(struct storedreport *r, json_t *object, struct measured_frame *frame)
{
	json_t *line = member(r, object, "line");

	frame->function = text(r, object, "function");
	frame->file = text(r, object, "file");
	frame->module = text(r, object, "module");
	frame->address = hex_number(r, text(r, object, "address"), "address");
	frame->inlined = truth(r, object, "inlined");
	if (!line || json_is_null(line))
		return;
	if (!json_is_integer(line) || json_integer_value(line) < 0 ||
	    json_integer_value(line) > INT32_MAX)
		refuse(r, "line", "not a line number");
	else
		frame->line = (unsigned)json_integer_value(line);
}

static void read_frames(struct storedreport *r, json_t *object, struct measured_site *site)
{
	json_t *frames = list(r, object, "frames");
	size_t count = json_array_size(frames);

	site->frames = room_for(r, count, sizeof(site->frames[0]));
	site->frames_count = site->frames ? count : 0;
	for (size_t i = 0; i < site->frames_count && !r->error; i++) {
		r->depth = AT_FRAME;
		r->frame = i;
		object = object_in(r, frames, i);
		if (!r->error)
			read_frame(r, object, &site->frames[i]);
	}
	r->depth = AT_SITE;
}

/* A constant of profile_leak_name, or NULL. */
static const char *leak_kind(struct storedreport *r, json_t *object)
{
	const char *name = text(r, object, "leak_kind");

	for (unsigned kind = 0; name && kind < PROFILE_LEAK_KINDS; kind++)
		if (strcmp(name, profile_leak_name(kind)) == 0)
			return profile_leak_name(kind);
	if (name)
		refuse(r, "leak_kind", "no kind of leak");
	return NULL;
}

/* In sites "leaks" is null where nothing is live. */
static double lost(struct storedreport *r, json_t *object, const char *what)
{
	json_t *leaks = member(r, object, "leaks");
	json_t *definite = json_object_get(leaks, "definite");

	if (!leaks || json_is_null(leaks))
		return 0;
	if (!json_is_object(definite) || !json_is_integer(json_object_get(definite, what)))
		refuse(r, "leaks.definite", "not an amount");
	return (double)json_integer_value(json_object_get(definite, what));
}

static void read_site(struct storedreport *r, json_t *object, bool classified, bool pages,
		      struct measured_site *site)
{
	double *v = site->measures.values;

	site->measures = measures_unknown();
	site->id = hex_number(r, text(r, object, "id"), "id");
	read_frames(r, object, site);
	site->shown_end = index_of(r, object, "shown_end", site->frames_count);
	site->shown_begin = index_of(r, object, "shown_begin", site->shown_end);
	site->leak_kind = leak_kind(r, object);
	v[MEASURE_PEAK] = number(r, object, "peak_bytes");
	v[MEASURE_PEAK_BLOCKS] = number(r, object, "peak_blocks");
	v[MEASURE_LIVE] = number(r, object, "live_bytes");
	v[MEASURE_LIVE_BLOCKS] = number(r, object, "live_blocks");
	v[MEASURE_LEAKED] = number(r, object, "leaked_bytes");
	v[MEASURE_LEAKED_BLOCKS] = number(r, object, "leaked_blocks");
	v[MEASURE_ALLOCATIONS] = number(r, object, "allocations");
	v[MEASURE_ALLOCATED] = number(r, object, "allocated_bytes");
	v[MEASURE_TEMPORARY] = number(r, object, "temporary");
	if (classified) {
		v[MEASURE_DEFINITE] = lost(r, object, "bytes");
		v[MEASURE_DEFINITE_BLOCKS] = lost(r, object, "blocks");
	}
	if (pages)
		v[MEASURE_PINNED] = number(r, object, "pinned_exclusive_bytes") +
				    number(r, object, "pinned_shared_bytes");
}

/* ---- Processes ---------------------------------------------------------------------- */

static void read_snapshots(struct storedreport *r, json_t *object, double *v)
{
	json_t *snapshots = list(r, object, "snapshots");

	for (size_t i = 0; i < json_array_size(snapshots) && !r->error; i++) {
		json_t *snapshot = json_array_get(snapshots, i);

		if (!json_is_object(snapshot)) {
			refuse(r, "snapshots", "holds what is not an object");
			return;
		}
		v[MEASURE_RESIDENT] =
			fmax(v[MEASURE_RESIDENT], number(r, snapshot, "resident_bytes"));
		v[MEASURE_RSS] = fmax(v[MEASURE_RSS], number(r, snapshot, "rss_bytes"));
	}
}

static void read_measures(struct storedreport *r, json_t *object,
			  struct measured_process *process)
{
	double *v = process->measures.values;

	process->measures = measures_unknown();
	v[MEASURE_PEAK] = number(r, object, "peak.bytes");
	v[MEASURE_PEAK_BLOCKS] = number(r, object, "peak.blocks");
	v[MEASURE_LIVE] = number(r, object, "at_exit.live_bytes");
	v[MEASURE_LIVE_BLOCKS] = number(r, object, "at_exit.live_blocks");
	v[MEASURE_LEAKED] = number(r, object, "leaks.bytes");
	v[MEASURE_LEAKED_BLOCKS] = number(r, object, "leaks.blocks");
	v[MEASURE_ALLOCATIONS] = number(r, object, "recording.allocations");
	v[MEASURE_ALLOCATED] = number(r, object, "totals.allocated_bytes");
	v[MEASURE_TEMPORARY] = number(r, object, "totals.temporary_allocations");
	v[MEASURE_PINNED] = number(r, object, "fragmentation.pinned_bytes");
	v[MEASURE_FRAGMENTATION] = number(r, object, "fragmentation.ratio");
	read_snapshots(r, object, v);
	if (process->classified) {
		json_t *definite = inner(r, object, "leaks.definite");

		v[MEASURE_DEFINITE] = number(r, definite, "bytes");
		v[MEASURE_DEFINITE_BLOCKS] = number(r, definite, "blocks");
	}
}

static void read_process(struct storedreport *r, json_t *object,
			 struct measured_process *process)
{
	json_t *pid = member(r, object, "pid");
	const char *end = text(r, object, "exit");
	json_t *sites;
	size_t count;
	bool pages;

	if (pid && !json_is_integer(pid))
		refuse(r, "pid", "not an integer");
	process->pid = (long)json_integer_value(pid);
	process->exe = text(r, object, "exe");
	process->dump = text(r, object, "dump");
	if (!process->exe)
		refuse(r, "exe", "not a string");
	process->running = end && strcmp(end, "running") == 0;
	process->truncated = truth(r, object, "recording.truncated");
	process->classified = truth(r, object, "leaks.classified");
	pages = !json_is_null(member(r, object, "fragmentation"));
	read_measures(r, object, process);
	sites = list(r, object, "sites");
	count = json_array_size(sites);
	process->sites = room_for(r, count, sizeof(process->sites[0]));
	for (size_t i = 0; process->sites && i < count && !r->error; i++) {
		r->depth = AT_SITE;
		r->site = i;
		object = object_in(r, sites, i);
		process->sites_count++;
		if (!r->error)
			read_site(r, object, process->classified, pages,
				  &process->sites[i]);
	}
}

static void read_report(struct storedreport *r, json_t *root, struct measured_run *run)
{
	const char *schema = json_string_value(json_object_get(root, "schema"));
	json_t *processes;
	size_t count;

	if (!schema || strcmp(schema, SCHEMA) != 0) {
		char *safe = schema ? printable_new(schema) : NULL;

		complaint_set(r->complaint,
			      "schema: is \"%s\"; this mftrace reads " SCHEMA " only",
			      safe ? safe : "");
		if (!schema)
			complaint_set(r->complaint, "not a report: schema: is missing");
		free(safe);
		r->error = schema ? -EPROTONOSUPPORT : -EBADMSG;
		return;
	}
	processes = list(r, root, "processes");
	count = json_array_size(processes);
	if (count == 0)
		refuse(r, "processes", "is empty");
	run->processes = room_for(r, count, sizeof(run->processes[0]));
	for (size_t i = 0; run->processes && i < count && !r->error; i++) {
		json_t *object;

		r->depth = AT_PROCESS;
		r->process = i;
		object = object_in(r, processes, i);
		run->count++;
		if (!r->error)
			read_process(r, object, &run->processes[i]);
	}
}

/* ---- The file ----------------------------------------------------------------------- */

/* A stream, because jansson reads descriptors byte by byte. */
static int open_report(const char *path, FILE **ret_file, struct complaint *complaint)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	struct stat status;
	FILE *file = NULL;
	int error = 0;

	if (fd < 0 || fstat(fd, &status) < 0)
		error = -errno;
	else if (!S_ISREG(status.st_mode))
		error = -EINVAL;
	else if ((uint64_t)status.st_size > STOREDREPORT_BYTES_MAX)
		error = -EFBIG;
	if (!error) {
		file = fdopen(fd, "r");
		error = file ? 0 : -errno;
	}
	if (error) {
		complaint_set(complaint, "cannot be read: %s", strerror(-error));
		if (fd >= 0)
			close(fd);
		return error;
	}
	*ret_file = file;
	return 0;
}

int storedreport_read(const char *path, struct symbols *symbols, struct measured_run *run,
		      struct complaint *complaint)
{
	struct storedreport r = {.symbols = symbols, .complaint = complaint};
	json_error_t wrong;
	json_t *root;
	FILE *file;
	int error = open_report(path, &file, complaint);

	if (error)
		return error;
	root = json_loadf(file, JSON_REJECT_DUPLICATES, &wrong);
	fclose(file);
	if (!root) {
		char *safe = printable_new(wrong.text);

		complaint_set(complaint, "line %d, column %d: %s", wrong.line, wrong.column,
			      safe ? safe : "not JSON");
		free(safe);
		return json_error_code(&wrong) == json_error_out_of_memory ? -ENOMEM
									   : -EBADMSG;
	}
	run->stored = true;
	read_report(&r, root, run);
	json_decref(root);
	if (r.error == -ENOMEM)
		complaint_set(complaint, "cannot be read: %s", strerror(ENOMEM));
	return r.error;
}
