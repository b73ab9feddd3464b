/* SPDX-License-Identifier: MIT */
#include "course.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "blocks.h"
#include "eventpass.h"
#include "family.h"
#include "profile.h"
#include "report.h"

struct course_watcher {
	struct ledger_watcher watcher; /* first: the callbacks are given its address */
	struct course *course;
	uint64_t unit_ns;
	uint64_t step_ns;
	uint64_t live_bytes, live_blocks;
	size_t at; /* step */
	size_t thread;
	int error;
};

/* The step of a time; what was live when the last one ended is what a new one begins with.
 */
static struct course_step *advance(struct course_watcher *w, uint64_t time_ns)
{
	struct course_step *steps = w->course->steps;

	while (time_ns > steps[w->at].time_ns && w->at + 1 < w->course->count) {
		struct course_step *step = &steps[w->at++];

		step->live_bytes = w->live_bytes;
		step->live_blocks = w->live_blocks;
		steps[w->at].highest_bytes = w->live_bytes;
		steps[w->at].highest_time_ns = step->time_ns;
	}
	return &steps[w->at];
}

static struct course_thread *thread_of(struct course_watcher *w, uint32_t tid,
				       uint64_t time_ns)
{
	struct course *course = w->course;

	if (w->thread < course->threads_count && course->threads[w->thread].tid == tid)
		return &course->threads[w->thread];
	/* The latest threads are the likeliest. */
	for (size_t i = course->threads_count; i > 0; i--) {
		if (course->threads[i - 1].tid != tid)
			continue;
		w->thread = i - 1;
		return &course->threads[w->thread];
	}
	if (course->threads_count == course->threads_room) {
		size_t room = course->threads_room ? 2 * course->threads_room : 16;
		struct course_thread *moved =
			reallocarray(course->threads, room, sizeof(*moved));

		if (!moved) {
			w->error = -ENOMEM;
			return NULL;
		}
		course->threads = moved;
		course->threads_room = room;
	}
	course->threads[course->threads_count] =
		(struct course_thread){.tid = tid, .first_ns = time_ns};
	w->thread = course->threads_count;
	return &course->threads[course->threads_count++];
}

static void acquired(struct ledger_watcher *watcher, const struct block *block)
{
	struct course_watcher *w = (struct course_watcher *)watcher;
	uint64_t time_ns = block->birth * w->unit_ns;
	struct course_step *step = advance(w, time_ns);
	struct course_thread *thread = thread_of(w, block->thread, time_ns);

	w->live_bytes += block->size;
	w->live_blocks++;
	step->allocations++;
	step->allocated_bytes += block->size;
	if (w->live_bytes > step->highest_bytes) {
		step->highest_bytes = w->live_bytes;
		step->highest_time_ns = time_ns;
	}
	if (!thread)
		return;
	thread->last_ns = time_ns;
	thread->allocations++;
	thread->allocated_bytes += block->size;
}

static void released(struct ledger_watcher *watcher, const struct block *block,
		     uint64_t clock, bool is_temporary)
{
	struct course_watcher *w = (struct course_watcher *)watcher;
	struct course_step *step = advance(w, clock * w->unit_ns);

	(void)is_temporary;
	w->live_bytes -= block->size;
	w->live_blocks--;
	step->frees++;
}

int course_init(struct course *course, const struct report *report, size_t member)
{
	const struct profile *profile = report->family->members[member].profile;
	struct course_watcher w = {
		.watcher = {.acquired = acquired, .released = released},
		.course = course,
		.unit_ns = profile->header.clock_unit_ns,
	};
	int error;

	memset(course, 0, sizeof(*course));
	course->steps = calloc(COURSE_STEPS, sizeof(*course->steps));
	if (!course->steps)
		return -ENOMEM;
	w.step_ns = profile->duration_ns / COURSE_STEPS;
	if (w.step_ns < COURSE_STEP_LEAST_NS)
		w.step_ns = COURSE_STEP_LEAST_NS;
	course->count = profile->duration_ns / w.step_ns;
	if (course->count > COURSE_STEPS)
		course->count = COURSE_STEPS;
	else if (course->count == 0)
		course->count = 1;
	for (size_t i = 0; i < course->count; i++)
		course->steps[i].time_ns = (i + 1) * w.step_ns;
	course->steps[course->count - 1].time_ns = profile->duration_ns;
	error = eventpass(report, member, &w.watcher);
	if (!error)
		error = w.error;
	advance(&w, profile->duration_ns);
	while (w.at < course->count) {
		course->steps[w.at].live_bytes = w.live_bytes;
		course->steps[w.at++].live_blocks = w.live_blocks;
	}
	return error;
}

void course_done(struct course *course)
{
	free(course->steps);
	free(course->threads);
	memset(course, 0, sizeof(*course));
}
