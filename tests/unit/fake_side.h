/* SPDX-License-Identifier: MIT */
/*
 * fake_side.h - runs made by hand, for tests of verdicts.
 *
 * Guarantees: the first error fails the test. Memory: the caller's; verdicts_done.
 */
#ifndef FAKE_SIDE_H
#define FAKE_SIDE_H

#include <stdbool.h>

#include "measured.h"
#include "side.h"
#include "verdict.h"

#define FAKE_RUNS_MOST 4

/* A side of runs of one or two programs, with a call site each. */
struct fake_side {
	struct measured_frame frames[2];
	struct measured_site sites[FAKE_RUNS_MOST][2];
	struct measured_process processes[FAKE_RUNS_MOST][2];
	struct measured_run runs[FAKE_RUNS_MOST];
	struct side side;
};

/* Paths of programs. Strings are compared by address within a side. */
extern const char fake_one[], fake_two[];

/* Adds a process of `exe` to the last run, or to a new one, with a call site of the same
 * figures, bytes. */
void fake_side_add(struct fake_side *fake, bool new_run, const char *exe, double peak,
		   double leaked);

/* Holds one side to the other as a baseline, with a tolerance of 5 %. */
void fake_side_judge(const struct fake_side *base, const struct fake_side *now,
		     bool allow_missing, struct verdicts *verdicts);

/* The verdict of that name, which must be there. */
const struct verdict *fake_side_verdict(const struct verdicts *verdicts, const char *name);

#endif
