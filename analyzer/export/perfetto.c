/* SPDX-License-Identifier: MIT */
/*
 * perfetto.c - the run as counters over time, in the JSON of Chrome's Trace Event Format:
 * ui.perfetto.dev, chrome://tracing, Speedscope's timeline.
 *
 * Times are microseconds since the first process began. A counter ("C") holds until its
 * next value; "M" names processes and threads; "i" is an instant, "X" a stretch of time.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>

#include <jansson.h>

#include "course.h"
#include "family.h"
#include "formats.h"
#include "framename.h"
#include "printable.h"
#include "profile.h"
#include "report.h"

struct trace {
	FILE *out;
	const char *between; /* events */
	uint64_t start_ns;   /* of the process, after the first one's */
	int64_t pid;	     /* in the trace */
	uint64_t per_second; /* the last rate that was told */
};

/* Opens an event; what is left to write are the members of its "args". */
static void begin(struct trace *trace, const char *phase, const char *name, uint64_t tid,
		  uint64_t time_ns)
{
	uint64_t ns = trace->start_ns + time_ns;

	fprintf(trace->out,
		"%s{\"ph\":\"%s\",\"name\":\"%s\",\"pid\":%" PRId64 ",\"tid\":%" PRIu64
		",\"ts\":%" PRIu64 ".%03u,\"args\":{",
		trace->between, phase, name, trace->pid, tid, ns / 1000,
		(unsigned)(ns % 1000));
	trace->between = ",\n";
}

static void counter(struct trace *trace, uint64_t time_ns, const char *name,
		    const char *unit, uint64_t value)
{
	begin(trace, "C", name, 0, time_ns);
	fprintf(trace->out, "\"%s\":%" PRIu64 "}}", unit, value);
}

/* text: NULL where memory is short. */
static int name_it(struct trace *trace, const char *what, uint64_t tid, const char *text)
{
	json_t *string = text ? json_string(text) : NULL;
	int error = string ? 0 : -ENOMEM;

	if (string) {
		begin(trace, "M", what, tid, 0);
		fputs("\"name\":", trace->out);
		error = json_dumpf(string, trace->out, JSON_ENCODE_ANY) < 0 ? -EIO : 0;
		fputs("}}", trace->out);
	}
	json_decref(string);
	return error;
}

static int put_names(struct trace *trace, const struct profile *profile, size_t member)
{
	char *name = framename_process_new(profile);
	int error = name_it(trace, "process_name", 0, name);

	free(name);
	begin(trace, "M", "process_sort_index", 0, 0);
	fprintf(trace->out, "\"sort_index\":%zu}}", member);
	for (size_t i = 0; !error && i < profile->thread_list_count; i++) {
		const struct profile_thread *thread = &profile->thread_list[i];

		name = printable_new(*thread->name ? thread->name : "thread");
		error = name_it(trace, "thread_name", (uint32_t)thread->tid, name);
		free(name);
	}
	return error;
}

static void put_step(struct trace *trace, const struct course_step *step,
		     const struct course_step *before)
{
	uint64_t then_ns = before ? before->time_ns : 0;
	uint64_t length_ns = step->time_ns - then_ns;
	double exact = length_ns ? (double)step->allocations * 1e9 / (double)length_ns : 0;
	uint64_t rate = exact < 0x1p64 ? (uint64_t)exact : UINT64_MAX;

	if (rate != trace->per_second)
		counter(trace, then_ns, "allocations", "per second", rate);
	trace->per_second = rate;
	if (step->allocations == 0 && step->frees == 0)
		return;
	if (step->highest_bytes > (before ? before->live_bytes : 0))
		counter(trace, step->highest_time_ns, "live bytes", "requested",
			step->highest_bytes);
	counter(trace, step->time_ns, "live bytes", "requested", step->live_bytes);
	counter(trace, step->time_ns, "live blocks", "blocks", step->live_blocks);
}

static void put_course(struct trace *trace, const struct course *course)
{
	counter(trace, 0, "live bytes", "requested", 0);
	counter(trace, 0, "live blocks", "blocks", 0);
	for (size_t i = 0; i < course->count; i++)
		put_step(trace, &course->steps[i], i ? &course->steps[i - 1] : NULL);
	for (size_t i = 0; i < course->threads_count; i++) {
		const struct course_thread *t = &course->threads[i];
		uint64_t length_ns = t->last_ns - t->first_ns;

		begin(trace, "X", "allocates", t->tid, t->first_ns);
		fprintf(trace->out,
			"\"allocations\":%" PRIu64 ",\"bytes\":%" PRIu64
			"},\"dur\":%" PRIu64 ".%03u}",
			t->allocations, t->allocated_bytes, length_ns / 1000,
			(unsigned)(length_ns % 1000));
	}
}

/* What RSS is made of, in parts that add up: viewers stack the members of a counter. What
 * is not explained can be less than nothing, and is left out then. */
static void put_waterfall(struct trace *trace, const struct profile_snapshot *s)
{
	const struct profile_waterfall *w = &s->waterfall;

	begin(trace, "C", "resident set by use", 0, s->time_ns);
	fprintf(trace->out,
		"\"requested\":%" PRIu64 ",\"slack\":%" PRIu64 ",\"pinned free\":%" PRIu64
		",\"empty pages\":%" PRIu64 ",\"other anonymous\":%" PRIu64
		",\"stacks\":%" PRIu64 ",\"recorder\":%" PRIu64 ",\"files\":%" PRIu64
		",\"private files\":%" PRIu64 ",\"unexplained\":%" PRIu64 "}}",
		w->requested_bytes, w->slack_bytes, w->pinned_free_bytes, w->empty_bytes,
		w->other_anon_bytes, w->stack_bytes, w->recorder_bytes, w->file_bytes,
		w->private_file_bytes,
		w->unexplained_bytes > 0 ? (uint64_t)w->unexplained_bytes : 0);
}

static void put_snapshot(struct trace *trace, const struct profile_snapshot *s)
{
	counter(trace, s->time_ns, "resident set", "bytes", s->rss_bytes);
	counter(trace, s->time_ns, "heap resident", "bytes", s->resident_bytes);
	counter(trace, s->time_ns, "heap usable", "bytes", s->usable_bytes);
	counter(trace, s->time_ns, "heap requested", "bytes", s->requested_bytes);
	counter(trace, s->time_ns, "heap free", "bytes", s->free_bytes);
	counter(trace, s->time_ns, "heap pinned free", "bytes", s->pinned_bytes);
	put_waterfall(trace, s);
	if (s->resident_bytes == 0)
		return;
	/* As in reports: below 0 where blocks have pages that were never touched. */
	begin(trace, "C", "fragmentation ratio", 0, s->time_ns);
	fprintf(trace->out, "\"ratio\":%.6f}}",
		1 - (double)s->requested_bytes / (double)s->resident_bytes);
}

static int put_process(struct trace *trace, const struct report *report, size_t member)
{
	const struct profile *profile = report->family->members[member].profile;
	struct course course;
	int error = put_names(trace, profile, member);

	if (error)
		return error;
	error = course_init(&course, report, member);
	/* A process that still runs: its counters just go on a little longer. */
	if (error == -ESTALE)
		error = 0;
	if (!error)
		put_course(trace, &course);
	course_done(&course);
	for (size_t i = 0; i < profile->snapshots_count; i++)
		put_snapshot(trace, &profile->snapshots[i]);
	begin(trace, "i", "peak of live bytes", 0, profile->peak_time_ns);
	fprintf(trace->out, "\"bytes\":%" PRIu64 ",\"blocks\":%" PRIu64 "},\"s\":\"p\"}",
		profile->peak_bytes, profile->peak_blocks);
	return error;
}

/* The pid that a process has in the trace: its own, unless another one, of another pid
 * namespace or before the number was used again, has it already. */
static int64_t pid_in_trace(const struct family *family, size_t member)
{
	int64_t pid = family->members[member].profile->header.pid;

	for (size_t i = 0; i < member; i++)
		if (family->members[i].profile->header.pid == pid)
			return ((int64_t)1 << 22) + (int64_t)member + 1; /* PID_MAX_LIMIT */
	return pid;
}

static int write_perfetto(const struct report *report, enum export_metric metric, FILE *out)
{
	const struct family *family = report->family;
	struct trace trace = {.out = out, .between = ""};
	uint64_t first_ns = UINT64_MAX;
	int error = 0;

	(void)metric;
	for (size_t i = 0; i < family->count; i++)
		if (family->members[i].profile->header.start_unix_ns < first_ns)
			first_ns = family->members[i].profile->header.start_unix_ns;
	fputs("{\"displayTimeUnit\":\"ms\",\"otherData\":{\"version\":"
	      "\"mftrace " MFTRACE_VERSION "\"},\"traceEvents\":[\n",
	      out);
	for (size_t i = 0; !error && i < family->count; i++) {
		trace.start_ns =
			family->members[i].profile->header.start_unix_ns - first_ns;
		trace.pid = pid_in_trace(family, i);
		trace.per_second = 0;
		error = put_process(&trace, report, i);
	}
	fputs("\n]}\n", out);
	return error;
}

const struct export_format format_perfetto = {
	.name = "perfetto",
	.summary = "counters over time: ui.perfetto.dev, chrome://tracing",
	.metrics = 1u << EXPORT_PEAK,
	.metric = EXPORT_PEAK,
	.write = write_perfetto,
};
