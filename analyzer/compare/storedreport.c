/* SPDX-License-Identifier: MIT */
#include "storedreport.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <jansson.h>

#include "complaint.h"
#include "jsonmember.h"
#include "measured.h"
#include "printable.h"
#include "reportpieces.h"
#include "storedsite.h"
#include "symbols.h"

#define SCHEMA "mftrace-report/1"

/* ---- Sites, as they come ------------------------------------------------------------ */

struct incoming {
	struct jsonplace place;
	struct measured_run *run;
	size_t processes_room, sites_room; /* the latter of the last process */
};

/* The process of that index, which is the last one or the next. */
static struct measured_process *process_at(struct incoming *in, size_t index)
{
	struct measured_run *run = in->run;

	if (index < run->count)
		return &run->processes[index];
	if (run->count == in->processes_room) {
		size_t room = in->processes_room ? 2 * in->processes_room : 8;
		struct measured_process *moved =
			reallocarray(run->processes, room, sizeof(*moved));

		if (!moved) {
			in->place.error = -ENOMEM;
			return NULL;
		}
		run->processes = moved;
		in->processes_room = room;
	}
	in->sites_room = 0;
	run->processes[run->count] = (struct measured_process){.exe = NULL};
	return &run->processes[run->count++];
}

static struct measured_site *next_site(struct incoming *in,
				       struct measured_process *process)
{
	struct measured_site *site;

	if (process->sites_count == in->sites_room) {
		size_t room = in->sites_room ? 2 * in->sites_room : 64;
		struct measured_site *moved =
			reallocarray(process->sites, room, sizeof(*moved));

		if (!moved) {
			in->place.error = -ENOMEM;
			return NULL;
		}
		process->sites = moved;
		in->sites_room = room;
	}
	site = &process->sites[process->sites_count++];
	*site = (struct measured_site){.frames = NULL};
	return site;
}

static int not_json(const json_error_t *wrong, unsigned line, unsigned column,
		    struct complaint *complaint)
{
	char *safe = printable_new(wrong->text);

	complaint_set(complaint, "line %u, column %u: %s", line, column,
		      safe ? safe : "not JSON");
	free(safe);
	return json_error_code(wrong) == json_error_out_of_memory ? -ENOMEM : -EBADMSG;
}

/* The same of an element that begins there; where it is empty, nothing is known of where.
 */
static int bad_element(const json_error_t *wrong, unsigned line, unsigned column,
		       struct complaint *complaint)
{
	unsigned lines = wrong->line > 0 ? (unsigned)wrong->line - 1 : 0;
	unsigned columns = wrong->column > 0 ? (unsigned)wrong->column : 1;

	return not_json(wrong, line + lines, lines ? columns : column + columns - 1,
			complaint);
}

/* What reportpieces.h hands out. */
static void take_site(void *context, size_t index, const char *text, size_t bytes,
		      unsigned line, unsigned column)
{
	struct incoming *in = context;
	struct jsonplace *place = &in->place;
	struct measured_process *process;
	struct measured_site *site;
	json_error_t wrong;
	json_t *object;

	if (place->error)
		return;
	while (index > in->run->count) /* processes without sites */
		if (!process_at(in, in->run->count))
			return;
	process = process_at(in, index);
	site = process ? next_site(in, process) : NULL;
	if (!site)
		return;
	object = json_loadb(text, bytes, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &wrong);
	place->depth = JSONPLACE_SITE;
	place->process = index;
	place->site = process->sites_count - 1;
	if (!object)
		place->error = bad_element(&wrong, line, column, place->complaint);
	else if (!json_is_object(object))
		jsonmember_refuse(place, "", "not an object");
	else
		storedsite_read(place, object, site);
	json_decref(object);
}

/* ---- Modules ------------------------------------------------------------------------ */

/* Older reports have none. */
static void read_modules(struct jsonplace *place, json_t *object,
			 struct measured_process *process)
{
	json_t *modules = json_object_get(object, "modules")
				  ? jsonmember_list(place, object, "modules")
				  : NULL;
	size_t count = json_array_size(modules);

	process->modules = jsonmember_room(place, count, sizeof(process->modules[0]));
	for (size_t i = 0; i < count && !place->error; i++) {
		struct measured_module *module = &process->modules[i];

		object = json_array_get(modules, i);
		if (!json_is_object(object)) {
			jsonmember_refuse(place, "modules", "holds what is not an object");
			return;
		}
		module->path = jsonmember_text(place, object, "path");
		module->build_id = jsonmember_text(place, object, "build_id");
		if (module->build_id && !*module->build_id)
			module->build_id = NULL;
		if (!module->path)
			jsonmember_refuse(place, "modules", "holds one without a path");
		process->modules_count += module->path != NULL;
	}
}

/* ---- Processes ---------------------------------------------------------------------- */

static void read_snapshots(struct jsonplace *place, json_t *object, double *v)
{
	json_t *snapshots = jsonmember_list(place, object, "snapshots");

	for (size_t i = 0; i < json_array_size(snapshots) && !place->error; i++) {
		json_t *snapshot = json_array_get(snapshots, i);

		if (!json_is_object(snapshot)) {
			jsonmember_refuse(place, "snapshots",
					  "holds what is not an object");
			return;
		}
		v[MEASURE_RESIDENT] =
			fmax(v[MEASURE_RESIDENT],
			     jsonmember_number(place, snapshot, "resident_bytes"));
		v[MEASURE_RSS] = fmax(v[MEASURE_RSS],
				      jsonmember_number(place, snapshot, "rss_bytes"));
	}
}

static void read_measures(struct jsonplace *place, json_t *object,
			  struct measured_process *process)
{
	double *v = process->measures.values;

	process->measures = measures_unknown();
	v[MEASURE_PEAK] = jsonmember_number(place, object, "peak.bytes");
	v[MEASURE_PEAK_BLOCKS] = jsonmember_number(place, object, "peak.blocks");
	v[MEASURE_LIVE] = jsonmember_number(place, object, "at_exit.live_bytes");
	v[MEASURE_LIVE_BLOCKS] = jsonmember_number(place, object, "at_exit.live_blocks");
	v[MEASURE_LEAKED] = jsonmember_number(place, object, "leaks.bytes");
	v[MEASURE_LEAKED_BLOCKS] = jsonmember_number(place, object, "leaks.blocks");
	v[MEASURE_ALLOCATIONS] = jsonmember_number(place, object, "recording.allocations");
	v[MEASURE_ALLOCATED] = jsonmember_number(place, object, "totals.allocated_bytes");
	v[MEASURE_TEMPORARY] =
		jsonmember_number(place, object, "totals.temporary_allocations");
	v[MEASURE_PINNED] = jsonmember_number(place, object, "fragmentation.pinned_bytes");
	v[MEASURE_FRAGMENTATION] = jsonmember_number(place, object, "fragmentation.ratio");
	read_snapshots(place, object, v);
	if (process->classified) {
		json_t *definite = jsonmember_at(place, object, "leaks.definite");

		v[MEASURE_DEFINITE] = jsonmember_number(place, definite, "bytes");
		v[MEASURE_DEFINITE_BLOCKS] = jsonmember_number(place, definite, "blocks");
	}
}

/* Why the recording is not whole, or NULL. */
static const char *lacks(struct jsonplace *place, json_t *object)
{
	const char *why = NULL;

	/* Reports from before there were pauses do not count them. */
	if (json_object_get(json_object_get(object, "recording"), "paused_events") &&
	    jsonmember_number(place, object, "recording.paused_events") > 0)
		why = MEASURED_PAUSED;
	if (jsonmember_number(place, object, "recording.double_allocations") > 0)
		why = "frees were not seen";
	if (jsonmember_number(place, object, "recording.lost_events") > 0)
		why = "events were lost";
	if (jsonmember_truth(place, object, "recording.truncated"))
		why = "the dump is damaged, or the recording ended early";
	return why;
}

static void read_process(struct jsonplace *place, json_t *object,
			 struct measured_process *process)
{
	json_t *pid = jsonmember_get(place, object, "pid");
	const char *end = jsonmember_text(place, object, "exit");
	bool pages;

	if (pid && !json_is_integer(pid))
		jsonmember_refuse(place, "pid", "not an integer");
	process->pid = (long)json_integer_value(pid);
	process->exe = jsonmember_text(place, object, "exe");
	process->dump = jsonmember_text(place, object, "dump");
	if (!process->exe)
		jsonmember_refuse(place, "exe", "not a string");
	process->running = end && strcmp(end, "running") == 0;
	process->lacks = lacks(place, object);
	process->classified = jsonmember_truth(place, object, "leaks.classified");
	pages = !json_is_null(jsonmember_get(place, object, "fragmentation"));
	read_measures(place, object, process);
	read_modules(place, object, process);
	if (json_array_size(jsonmember_list(place, object, "sites")) > 0)
		jsonmember_refuse(place, "sites", "written in a way that is not read");
	storedsite_settle(place, process, pages);
}

/* Reads all but the sites, which are there. Another schema goes before what was wrong with
 * them. */
static void read_report(struct incoming *in, json_t *root)
{
	const char *schema = json_string_value(json_object_get(root, "schema"));
	struct jsonplace *place = &in->place;
	json_t *processes;
	size_t count;

	if (!schema || strcmp(schema, SCHEMA) != 0) {
		char *safe = schema ? printable_new(schema) : NULL;

		complaint_set(place->complaint,
			      "schema: is \"%s\"; this mftrace reads " SCHEMA " only",
			      safe ? safe : "");
		if (!schema)
			complaint_set(place->complaint, "not a report: schema: is missing");
		free(safe);
		place->error = schema ? -EPROTONOSUPPORT : -EBADMSG;
		return;
	}
	if (place->error)
		return;
	place->depth = JSONPLACE_TOP;
	processes = jsonmember_list(place, root, "processes");
	count = json_array_size(processes);
	if (count == 0)
		jsonmember_refuse(place, "processes", "is empty");
	for (size_t i = 0; i < count && !place->error; i++) {
		struct measured_process *process = process_at(in, i);
		json_t *object;

		place->depth = JSONPLACE_PROCESS;
		place->process = i;
		object = jsonmember_object(place, processes, i);
		if (process && !place->error)
			read_process(place, object, process);
	}
}

/* ---- The file ----------------------------------------------------------------------- */

static int open_report(const char *path, int *ret_fd)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	struct stat status;
	int error = 0;

	if (fd < 0 || fstat(fd, &status) < 0)
		error = -errno;
	else if (!S_ISREG(status.st_mode))
		error = -EINVAL;
	if (!error)
		*ret_fd = fd;
	else if (fd >= 0)
		close(fd);
	return error;
}

int storedreport_read(const char *path, struct symbols *symbols, struct measured_run *run,
		      struct complaint *complaint)
{
	struct incoming in = {.place = {.symbols = symbols, .complaint = complaint},
			      .run = run};
	json_error_t wrong;
	char *rest = NULL;
	size_t bytes;
	json_t *root;
	int fd, error;

	run->stored = true;
	error = open_report(path, &fd);
	if (!error)
		error = reportpieces_read(fd, take_site, &in, &rest, &bytes);
	if (error) {
		complaint_set(complaint, "cannot be read: %s",
			      error == -EBADMSG ? "the compressed file is damaged"
						: strerror(-error));
		return error;
	}
	root = json_loadb(rest ? rest : "", bytes, JSON_REJECT_DUPLICATES, &wrong);
	free(rest);
	if (root)
		read_report(&in, root);
	else if (!in.place.error)
		in.place.error = not_json(&wrong, (unsigned)wrong.line,
					  (unsigned)wrong.column, complaint);
	json_decref(root);
	if (in.place.error == -ENOMEM)
		complaint_set(complaint, "cannot be read: %s", strerror(ENOMEM));
	return in.place.error;
}
