/* SPDX-License-Identifier: MIT */
/*
 * Blocks that live for a known time by the program's own clocks: short ones, and long ones
 * that are all held across a sleep. The truth is an interval, because an event lies between
 * two readings of a clock, and because the recorder may read the kernel's coarse clock,
 * which lags behind by some milliseconds: an event is no earlier than the coarse clock read
 * before it, and no later than the exact one read after it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "truth.h"

#define BLOCKS 50
#define SIZE 333

static long long now(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return t.tv_sec * 1000000000ll + t.tv_nsec;
}

static TRUTH_SITE void *long_lived(void)
{
	return malloc(SIZE);
}

static TRUTH_SITE void *short_lived(void)
{
	return malloc(SIZE);
}

struct lifetimes {
	long long at_least_ns, at_most_ns; /* sums */
};

static void live(void *(*allocate)(void), long sleep_ns, struct lifetimes *sum)
{
	static void *blocks[BLOCKS];
	static long long before[BLOCKS], after[BLOCKS];
	struct timespec pause = {0, sleep_ns};

	for (int i = 0; i < BLOCKS; i++) {
		before[i] = now(CLOCK_MONOTONIC_COARSE);
		blocks[i] = allocate();
		after[i] = now(CLOCK_MONOTONIC);
	}
	nanosleep(&pause, NULL);
	for (int i = 0; i < BLOCKS; i++) {
		sum->at_least_ns += now(CLOCK_MONOTONIC_COARSE) - after[i];
		free(blocks[i]);
		sum->at_most_ns += now(CLOCK_MONOTONIC) - before[i];
	}
}

static void report(const char *function, const struct lifetimes *sum)
{
	struct truth_count count = {BLOCKS, BLOCKS * SIZE, 0, 0};
	char extra[96];

	snprintf(extra, sizeof(extra), "\"at_least_ns\": %lld, \"at_most_ns\": %lld",
		 sum->at_least_ns / BLOCKS, sum->at_most_ns / BLOCKS);
	truth_site(function, &count, extra);
}

int main(void)
{
	struct lifetimes of_long = {0}, of_short = {0};

	live(long_lived, 150000000, &of_long);
	live(short_lived, 1000000, &of_short);
	report("long_lived", &of_long);
	report("short_lived", &of_short);
	truth_print();
	return 0;
}
