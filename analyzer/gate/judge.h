/* SPDX-License-Identifier: MIT */
/*
 * judge.h - verdicts: runs held to budgets, and to a baseline.
 *
 * Budgets. Of several runs the worst counts. The processes of a run are added up where that
 * means something (leaks, allocations), else the worst counts (peaks are not at the same
 * time). A figure that no process of a run tells is unknown, never a pass.
 *
 * Baseline. By the rule of band.h, program by program; so much is no growth as gauge.h
 * calls slack. A call site that leaks in all runs and in none of the baseline is a failure
 * of its own, whatever the totals. Where leaks of one side were classified by a scan and
 * those of the other were not, they cannot be compared, and that is unknown.
 * Threads: none. Memory: the verdicts'; the sides and the comparison must outlive them.
 * Not here: reading (side.h); what a verdict looks like (check_output.h).
 */
#ifndef JUDGE_H
#define JUDGE_H

struct budgets;
struct comparison;
struct side;
struct verdicts;

/* comparison: of any base with `now`. Returns 0 or -ENOMEM. */
int judge_budgets(const struct side *now, const struct comparison *comparison,
		  const struct budgets *budgets, struct verdicts *verdicts);

/* tolerance: a share, 0.05 is 5 %. Returns 0 or -ENOMEM. */
int judge_baseline(const struct side *base, const struct side *now,
		   const struct comparison *comparison, double tolerance,
		   struct verdicts *verdicts);

#endif
