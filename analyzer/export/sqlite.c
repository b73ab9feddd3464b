/* SPDX-License-Identifier: MIT */
/*
 * sqlite.c - the report as rows of an SQLite database, beside those of earlier runs.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "calltree.h"
#include "course.h"
#include "database.h"
#include "family.h"
#include "formats.h"
#include "framename.h"
#include "mft_codec.h"
#include "numbering.h"
#include "printable.h"
#include "profile.h"
#include "report.h"
#include "stackpath.h"
#include "weights.h"

struct rows {
	struct database *database;
	const struct report *report;
	int64_t run;
	int64_t *processes; /* row by member; parents come first */
	/* Frames have rows that follow each other: their numbers, counted from 1. */
	struct numbering frames;
	int64_t first_frame;
	struct stackpath path;
};

/* ---- Sites ------------------------------------------------------------------------- */

static int put_frame(struct rows *rows, uint32_t node, int64_t *ret_frame)
{
	const struct callnode *frame = calltree_at(rows->report->tree, node);
	const struct numbering_frame_key key = numbering_frame(frame, true);
	uint32_t number;
	bool is_new;
	char *name;
	int error = numbering_get(&rows->frames, &key, sizeof(key), &number, &is_new);

	if (error)
		return error;
	if (!is_new) {
		*ret_frame = rows->first_frame + number - 1;
		return 0;
	}
	name = framename_new(frame);
	if (!name)
		return -ENOMEM;
	error = database_put(rows->database, DATABASE_FRAMES, ret_frame, "-ittItii",
			     rows->run, name, frame->file, frame->line != 0,
			     (int64_t)frame->line, frame->module, frame->address,
			     (int64_t)frame->inlined);
	free(name);
	if (number == 1)
		rows->first_frame = *ret_frame;
	return error;
}

static int put_stack(struct rows *rows, const struct site *site, int64_t row)
{
	int64_t frame = 0;
	int error = 0;

	for (size_t i = 0; !error && i < rows->path.count; i++) {
		error = put_frame(rows, rows->path.nodes[i], &frame);
		if (!error)
			error = database_put(rows->database, DATABASE_STACKS, NULL, "iii",
					     row, (int64_t)i, frame);
	}
	for (unsigned kind = 0; !error && kind < PROFILE_LEAK_KINDS; kind++) {
		const struct profile_amount *amount = &site->leaks[kind];

		if (amount->blocks > 0)
			error = database_put(rows->database, DATABASE_LEAKS, NULL, "itii",
					     row, profile_leak_name(kind), amount->bytes,
					     amount->blocks);
	}
	return error;
}

static char *function_new(const struct rows *rows)
{
	if (rows->path.count == 0)
		return strdup(FRAMENAME_TRUNCATED);
	return framename_new(calltree_at(rows->report->tree, rows->path.nodes[0]));
}

static int put_site(struct rows *rows, int64_t process, const struct site *site)
{
	char fingerprint[17], *function;
	int64_t row;
	int error = stackpath_set(&rows->path, rows->report->tree, site);

	if (error)
		return error;
	function = function_new(rows);
	if (!function)
		return -ENOMEM;
	snprintf(fingerprint, sizeof(fingerprint), "%016" PRIx64, site->fingerprint);
	error = database_put(rows->database, DATABASE_SITES, &row, "-itttiiiiiiiiiiiitiriR",
			     process, fingerprint, function, mft_op_name(site->op),
			     site->allocations, site->allocated_bytes, site->freed,
			     site->failed, site->temporary, site->lifetime_ns_sum,
			     site->peak_bytes, site->peak_blocks, site->live_bytes,
			     site->live_blocks, site->leaked.bytes, site->leaked.blocks,
			     sites_gravest_leak(site), site->pinned_exclusive_bytes,
			     site->pinned_shared_bytes, site->pinned_pages,
			     (int)site->trend.steady, site->trend.bytes_per_s);
	free(function);
	return error ? error : put_stack(rows, site, row);
}

static int put_sites(struct rows *rows, size_t member, enum export_metric metric)
{
	struct weights weights;
	int error = weights_init(&weights, rows->report, member, metric);

	for (size_t i = 0; !error && i < weights.sites.count; i++)
		error = put_site(rows, rows->processes[member], &weights.sites.items[i]);
	weights_done(&weights);
	return error;
}

/* ---- Cycles ------------------------------------------------------------------------ */

static int put_step(struct rows *rows, size_t member, int64_t cycle, uint64_t number,
		    const struct profile_step *step)
{
	const struct profile *profile = rows->report->family->members[member].profile;
	struct calltree_view *view = rows->report->views[member];
	const struct profile_site *site = &profile->sites[step->site];
	char text[17], *function;
	uint64_t fingerprint;
	uint32_t node;
	int error = sites_fingerprint(rows->report->tree, view, site, &fingerprint);

	if (!error)
		error = calltree_node(view, site->frame, &node);
	if (error)
		return error;
	node = calltree_trimmed(rows->report->tree, node);
	function = node >= CALLTREE_FIRST
			   ? framename_new(calltree_at(rows->report->tree, node))
			   : strdup(FRAMENAME_TRUNCATED);
	if (!function)
		return -ENOMEM;
	snprintf(text, sizeof(text), "%016" PRIx64, fingerprint);
	error = database_put(rows->database, DATABASE_CYCLE_STEPS, NULL, "iittii", cycle,
			     number, text, function, step->address, step->offset);
	free(function);
	return error;
}

static int put_cycle(struct rows *rows, size_t member, const struct profile_cycle *cycle)
{
	int64_t row;
	int error =
		database_put(rows->database, DATABASE_CYCLES, &row, "-iiiiii",
			     rows->processes[member], cycle->bytes, cycle->blocks,
			     cycle->retained_bytes, cycle->retained_blocks, cycle->length);

	for (uint64_t i = 0; !error && i < cycle->length && i < PROFILE_CYCLE_STEPS; i++)
		error = put_step(rows, member, row, i, &cycle->steps[i]);
	if (!error && cycle->length > PROFILE_CYCLE_STEPS)
		error = put_step(rows, member, row, cycle->length - 1, &cycle->closing);
	return error;
}

/* ---- Time -------------------------------------------------------------------------- */

static int put_snapshot(struct rows *rows, int64_t process,
			const struct profile_snapshot *s, bool chosen)
{
	int64_t row;
	int error = database_put(
		rows->database, DATABASE_SNAPSHOTS, &row, "-iitiiiiiiiii", process,
		s->time_ns, profile_reason_name(s->reason), (int64_t)chosen, s->rss_bytes,
		s->requested_bytes, s->usable_bytes, s->resident_bytes, s->free_bytes,
		s->largest_free_run_bytes, s->pinned_bytes, s->live_blocks);

	for (int64_t class = 0; !error && class <= 10; class ++)
		error = database_put(rows->database, DATABASE_PAGES, NULL, "iii", row,
				     10 * class, s->page_occupancy[class]);
	return error;
}

static int put_timeline(struct rows *rows, size_t member)
{
	struct course course;
	int error = course_init(&course, rows->report, member);

	for (size_t i = 0; !error && i < course.count; i++) {
		const struct course_step *s = &course.steps[i];

		error = database_put(rows->database, DATABASE_TIMELINE, NULL, "iiiiiiiii",
				     rows->processes[member], s->time_ns, s->live_bytes,
				     s->live_blocks, s->highest_bytes, s->highest_time_ns,
				     s->allocations, s->allocated_bytes, s->frees);
	}
	course_done(&course);
	return error;
}

/* ---- Processes --------------------------------------------------------------------- */

static int put_process_row(struct rows *rows, size_t member)
{
	const struct family_member *m = &rows->report->family->members[member];
	const struct profile *p = m->profile;
	const struct profile_amount leaked = profile_leaked(&p->leaks, p->leaks.totals);
	const int has_parent = m->parent != FAMILY_NONE;
	const int status_known = m->fate == FATE_EXITED &&
				 (p->header.flags & MFT_FLAG_EXIT_STATUS_KNOWN) != 0;
	char *exe = printable_utf8_new(p->exe), *command = framename_command_new(p);
	char *dump = printable_utf8_new(p->dump_path);
	char *allocator = printable_utf8_new(p->allocator);
	int error = -ENOMEM;

	if (exe && command && dump && allocator)
		error = database_put(
			rows->database, DATABASE_PROCESSES, &rows->processes[member],
			"-iIiitttIiittiiiiiiitiiiiiiiiiiii", rows->run, has_parent,
			has_parent ? rows->processes[m->parent] : (int64_t)0,
			(int64_t)p->header.pid, (int64_t)p->header.ppid, exe, command,
			fate_name(m->fate), status_known,
			(int64_t)(p->header.exit_status & 0xff), p->header.start_unix_ns,
			p->duration_ns, dump, allocator, p->events, p->allocations,
			p->frees, p->reallocs, p->failed, p->threads, p->lost_events,
			p->damage, p->allocated_bytes, p->freed_bytes,
			p->temporary_allocations, p->peak_bytes, p->peak_blocks,
			p->peak_time_ns, p->live_bytes, p->live_blocks,
			p->live_usable_bytes, (int64_t)p->leaks.classified, leaked.bytes,
			leaked.blocks);
	free(exe);
	free(command);
	free(dump);
	free(allocator);
	return error;
}

static int put_threads(struct rows *rows, size_t member)
{
	const struct profile *profile = rows->report->family->members[member].profile;
	int error = 0;

	for (size_t i = 0; !error && i < profile->thread_list_count; i++) {
		const struct profile_thread *thread = &profile->thread_list[i];
		char *name = printable_utf8_new(thread->name);

		error = !name ? -ENOMEM
			      : database_put(rows->database, DATABASE_THREADS, NULL, "iiit",
					     rows->processes[member], (int64_t)i,
					     (int64_t)thread->tid, name);
		free(name);
	}
	return error;
}

static int put_process(struct rows *rows, size_t member, enum export_metric metric)
{
	const struct profile *profile = rows->report->family->members[member].profile;
	int error = put_process_row(rows, member);

	if (!error)
		error = put_threads(rows, member);
	if (!error)
		error = put_sites(rows, member, metric);
	for (size_t i = 0; !error && i < profile->snapshots_count; i++)
		error = put_snapshot(rows, rows->processes[member], &profile->snapshots[i],
				     i == profile->chosen_snapshot);
	for (size_t i = 0; !error && i < profile->leaks.cycles_count; i++)
		error = put_cycle(rows, member, &profile->leaks.cycles[i]);
	return error ? error : put_timeline(rows, member);
}

static int put_run(struct rows *rows)
{
	char *target = printable_utf8_new(rows->report->target);
	struct timespec now;
	int error;

	if (!target)
		return -ENOMEM;
	clock_gettime(CLOCK_REALTIME, &now);
	error = database_put(rows->database, DATABASE_RUNS, &rows->run, "-itt",
			     (int64_t)now.tv_sec * 1000000000 + now.tv_nsec,
			     MFTRACE_VERSION, target);
	free(target);
	return error;
}

static int write_sqlite(const struct report *report, enum export_metric metric,
			const char *path)
{
	struct rows rows = {.report = report};
	int error;

	rows.processes = calloc(report->family->count + 1, sizeof(*rows.processes));
	if (!rows.processes)
		return -ENOMEM;
	error = database_open(path, &rows.database);
	if (!error)
		error = put_run(&rows);
	for (size_t i = 0; !error && i < report->family->count; i++)
		error = put_process(&rows, i, metric);
	error = database_close(rows.database, error);
	numbering_done(&rows.frames);
	stackpath_done(&rows.path);
	free(rows.processes);
	return error;
}

const struct export_format format_sqlite = {
	.name = "sqlite",
	.summary = "a database of runs, for SQL; runs are added to it",
	.binary = true,
	.adds = true,
	.metrics = EXPORT_ALL_METRICS,
	.metric = EXPORT_PEAK,
	.write_path = write_sqlite,
};
