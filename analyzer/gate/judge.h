/* SPDX-License-Identifier: MIT */
/*
 * judge.h - verdicts: runs held to budgets, and to a baseline.
 *
 * Budgets. Of several runs the worst counts. The processes of a run are added up where that
 * means something (leaks, allocations), else the worst counts (peaks are not at the same
 * time). A figure that no process of a run tells is unknown, never a pass.
 *
 * Baseline. By the rule of band.h, program by program; so much is no growth as gauge.h
 * calls slack, and some figures have several times the tolerance. A call site that leaks in
 * all runs and in none of the baseline is a failure of its own, whatever the totals. Where
 * leaks of one side were classified by a scan and those of the other were not, they cannot
 * be compared, and that is unknown. A program of the baseline that has not run is a failure
 * too, unless that is allowed: it would be the greatest improvement of all.
 *
 * Recordings. One that is not whole has too low peaks and counts, and leaks that are none;
 * one that was paused lacks what was allocated meanwhile. Neither is a pass, whatever else
 * there is.
 * Threads: none. Memory: the verdicts'; the sides and the comparison must outlive them.
 * Not here: reading (side.h); what a verdict looks like (check_output.h).
 */
#ifndef JUDGE_H
#define JUDGE_H

#include <stdbool.h>

struct budgets;
struct comparison;
struct side;
struct verdicts;

/* comparison: of any base with `now`. Returns 0 or -ENOMEM. */
int judge_budgets(const struct side *now, const struct comparison *comparison,
		  const struct budgets *budgets, struct verdicts *verdicts);

struct baseline_rule {
	double tolerance;   /* a share, 0.05 is 5 % */
	bool allow_missing; /* programs of the baseline need not run */
};

/* Returns 0 or -ENOMEM. */
int judge_baseline(const struct side *base, const struct side *now,
		   const struct comparison *comparison, const struct baseline_rule *rule,
		   struct verdicts *verdicts);

/* Adds an unknown verdict, with why and what to do, for each process of which the recording
 * is not whole. Returns 0 or -ENOMEM. */
int judge_recordings(const struct side *side, struct verdicts *verdicts);

#endif
