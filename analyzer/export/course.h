/* SPDX-License-Identifier: MIT */
/*
 * course.h - how much was live over the run of a process, in equal steps.
 *
 * Snapshots are seconds apart; this is made of the events themselves (eventpass.h), so that
 * every peak is in it: with its exact height, and its time to a step.
 * Threads: none. Memory: at most COURSE_STEPS steps, and one entry for each thread;
 * course_done.
 */
#ifndef COURSE_H
#define COURSE_H

#include <stddef.h>
#include <stdint.h>

struct report;

#define COURSE_STEPS 1000u
/* A step is no shorter: clocks are exact to a few milliseconds (docs/format.md). */
#define COURSE_STEP_LEAST_NS 10000000u

struct course_step {
	uint64_t time_ns; /* where it ends; the last one where the process did */
	/* At the end of the step, and when most was live within it. */
	uint64_t live_bytes, live_blocks;
	uint64_t highest_bytes, highest_time_ns;
	/* Within the step. */
	uint64_t allocations, frees, allocated_bytes;
};

/* A thread that allocated. */
struct course_thread {
	uint32_t tid;
	uint64_t first_ns, last_ns; /* its allocations */
	uint64_t allocations, allocated_bytes;
};

struct course {
	struct course_step *steps; /* in order of time; those without an event too */
	size_t count;
	struct course_thread *threads; /* in order of their first allocation */
	size_t threads_count;
	size_t threads_room;
};

/* The course of a member of the report's family. Returns 0, -ESTALE: the dump has changed
 * since the report was made; -ENOMEM, or what replay_dump_for says. course_done in any
 * case. */
int course_init(struct course *course, const struct report *report, size_t member);
void course_done(struct course *course);

#endif
