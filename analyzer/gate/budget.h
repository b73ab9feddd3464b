/* SPDX-License-Identifier: MIT */
/*
 * budget.h - limits that a user has set, for a run, for a process of it, or for call sites.
 *
 * A value that is exactly the limit is within it.
 * Threads: none. Memory: budgets_done; strings are copied.
 * Not here: where they come from (budgetfile.h, the commands), whether they hold (judge.h).
 */
#ifndef BUDGET_H
#define BUDGET_H

#include <stddef.h>

struct gauge;

enum budget_scope {
	BUDGET_RUN,	/* the processes of a run together, or the worst of them */
	BUDGET_PROCESS, /* each process whose program fits the pattern, by itself */
	BUDGET_SITES,	/* the call sites with a function that fits the pattern, together */
};

struct budget {
	const struct gauge *gauge;
	double limit;
	enum budget_scope scope;
	char *name;    /* the user's for it; NULL: BUDGET_RUN */
	char *pattern; /* as of a shell; NULL: BUDGET_RUN */
	char *origin;  /* "--max-peak", or "mftrace.ini:12" */
};

struct budgets {
	struct budget *items;
	size_t count;
	size_t room;
};

void budgets_init(struct budgets *budgets);
void budgets_done(struct budgets *budgets);

/* Adds a copy. Returns 0 or -ENOMEM. */
int budgets_add(struct budgets *budgets, const struct budget *budget);

/* The budget of a gauge for whole runs, or NULL. */
const struct budget *budgets_of_run(const struct budgets *budgets,
				    const struct gauge *gauge);

#endif
