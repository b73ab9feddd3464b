/* SPDX-License-Identifier: MIT */
/*
 * stopwatch.h - the time of a stretch of a benchmark program, without its start and exit.
 *
 * Guarantees: allocates nothing between start and stop. Wall time is CLOCK_MONOTONIC, CPU
 * time is that of all threads of the process.
 * Threads: a stopwatch belongs to the thread that started it.
 * Not here: the cost of a process as a whole (run_measured.c).
 */
#ifndef STOPWATCH_H
#define STOPWATCH_H

#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <time.h>

struct stopwatch {
	uint64_t wall_ns; /* the start until it is stopped, then the time in between */
	uint64_t cpu_ns;
};

/* The clock's time in nanoseconds. */
static inline uint64_t stopwatch_now(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* Begins a measurement. */
static inline void stopwatch_start(struct stopwatch *watch)
{
	watch->cpu_ns = stopwatch_now(CLOCK_PROCESS_CPUTIME_ID);
	watch->wall_ns = stopwatch_now(CLOCK_MONOTONIC);
}

/* Ends it: the members are durations from now on. */
static inline void stopwatch_stop(struct stopwatch *watch)
{
	watch->wall_ns = stopwatch_now(CLOCK_MONOTONIC) - watch->wall_ns;
	watch->cpu_ns = stopwatch_now(CLOCK_PROCESS_CPUTIME_ID) - watch->cpu_ns;
}

/* Prints the result as scripts/bench reads it. */
static inline void stopwatch_print(const struct stopwatch *watch, uint64_t operations)
{
	printf("operations=%" PRIu64 " wall_ns=%" PRIu64 " cpu_ns=%" PRIu64 "\n",
	       operations, watch->wall_ns, watch->cpu_ns);
}

#endif
