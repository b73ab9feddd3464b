/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "budget.h"
#include "comparison.h"
#include "gauge.h"
#include "judge.h"
#include "measured.h"
#include "nextcommand.h"
#include "side.h"
#include "sitepattern.h"
#include "verdict.h"

/* A budget's figure in one run. */
struct reading {
	double value; /* NaN: no process tells */
	const struct measured_run *run;
	const struct measured_process *process; /* the one with most */
	size_t processes;			/* that the budget is for */
	size_t silent;				/* of them, that do not tell */
	size_t sites;				/* that fit the budget's pattern */
};

/* What a process has of the figure; NaN: it does not tell. Counts the sites that fit. */
static double process_value(const struct budget *budget,
			    const struct measured_process *process, size_t *sites)
{
	enum measure measure = budget->gauge->measure;
	double sum = 0;

	if (budget->scope != BUDGET_SITES || isnan(process->measures.values[measure]))
		return process->measures.values[measure];
	for (size_t i = 0; i < process->sites_count; i++) {
		const struct measured_site *site = &process->sites[i];

		if (!sitepattern_fits(budget->pattern, site))
			continue;
		(*sites)++;
		if (!isnan(site->measures.values[measure]))
			sum += site->measures.values[measure];
	}
	return sum;
}

static struct reading read_run(const struct budget *budget, const struct measured_run *run)
{
	/* Of a process each by itself: those of a pattern are not added up. */
	bool sum = budget->gauge->adds_up && budget->scope != BUDGET_PROCESS;
	struct reading reading = {.value = NAN, .run = run};
	double most = -1;

	for (size_t i = 0; i < run->count; i++) {
		const struct measured_process *process = &run->processes[i];
		double value;

		if (budget->scope == BUDGET_PROCESS &&
		    !sitepattern_fits_process(budget->pattern, process))
			continue;
		reading.processes++;
		value = process_value(budget, process, &reading.sites);
		if (isnan(value)) {
			reading.silent++;
			continue;
		}
		if (value > most) {
			most = value;
			reading.process = process;
		}
		if (sum && !isnan(reading.value))
			reading.value += value;
		else if (sum || isnan(reading.value) || value > reading.value)
			reading.value = value;
	}
	return reading;
}

/* The sites that have spent it: those of the one process that it was measured in, or those
 * of all. */
static void blame(const struct budget *budget, const struct reading *reading,
		  const struct comparison *comparison, struct verdict *verdict)
{
	bool all = budget->gauge->adds_up && budget->scope != BUDGET_PROCESS;
	enum measure measure = budget->gauge->site_measure;

	for (size_t i = 0; all && i < comparison->count; i++) {
		const struct comparison_program *program = &comparison->programs[i];

		for (size_t j = 0; j < program->sites_count; j++) {
			const struct comparison_site *site = &program->sites[j];

			if (site->now && site->now_bands[measure].runs > 0 &&
			    (budget->scope != BUDGET_SITES ||
			     sitepattern_fits(budget->pattern, site->now)))
				verdict_blame(verdict, site->now,
					      site->now_bands[measure].max, NAN);
		}
	}
	for (size_t j = 0; !all && reading->process && j < reading->process->sites_count;
	     j++) {
		const struct measured_site *site = &reading->process->sites[j];

		if (budget->scope != BUDGET_SITES ||
		    sitepattern_fits(budget->pattern, site))
			verdict_blame(verdict, site, site->measures.values[measure], NAN);
	}
}

/* Whose the value is. */
static char *subject_of(const struct budget *budget, const struct reading *reading)
{
	const struct measured_process *process = reading->process;
	bool one = reading->processes == 1 || !budget->gauge->adds_up ||
		   budget->scope == BUDGET_PROCESS;
	char *text = NULL;
	int length;

	if (!process)
		length = asprintf(&text, "%s", reading->run ? reading->run->path : "");
	else if (budget->scope == BUDGET_SITES)
		length = asprintf(&text, "call sites with %s", budget->pattern);
	else if (one)
		length = asprintf(&text, "%s, pid %ld", measured_program_name(process),
				  process->pid);
	else
		length = asprintf(&text, "%zu processes", reading->processes);
	return length < 0 ? NULL : text;
}

static char *name_of(const struct budget *budget)
{
	char *text = NULL;
	int length;

	if (budget->scope == BUDGET_RUN)
		length = asprintf(&text, "max-%s", budget->gauge->name);
	else
		length = asprintf(&text, "%s %s max-%s",
				  budget->scope == BUDGET_SITES ? "site" : "process",
				  budget->name, budget->gauge->name);
	return length < 0 ? NULL : text;
}

/* Why a figure is not known, and what to do. */
static const char *remedy(const struct gauge *gauge)
{
	if (gauge->measure == MEASURE_DEFINITE)
		return "no scan for pointers was recorded; record with "
		       "mftrace run --leak-scan";
	return "no snapshot of the heap was recorded (snapshots=0?)";
}

static int note_of(const struct budget *budget, const struct reading *reading,
		   struct verdict *verdict)
{
	int length = 0;

	if (verdict->status == VERDICT_UNKNOWN)
		length = asprintf(&verdict->note, "%s", remedy(verdict->gauge));
	else if (reading->processes == 0)
		length = asprintf(&verdict->note, "no such process ran");
	else if (budget->scope == BUDGET_SITES && reading->sites == 0)
		length = asprintf(&verdict->note, "no call site fits %s", budget->pattern);
	else if (reading->silent > 0)
		length = asprintf(&verdict->note, "%zu of %zu processes do not tell: %s",
				  reading->silent, reading->processes,
				  remedy(verdict->gauge));
	if (length < 0)
		verdict->note = NULL;
	return length < 0 ? -ENOMEM : 0;
}

static int judge(const struct side *now, const struct comparison *comparison,
		 const struct budget *budget, struct verdicts *verdicts)
{
	struct verdict verdict = {.kind = VERDICT_BUDGET,
				  .gauge = budget->gauge,
				  .limit = budget->limit,
				  .base = NAN};
	struct reading worst = {.value = NAN};
	bool unknown = false;

	for (size_t i = 0; i < now->count; i++) {
		struct reading reading = read_run(budget, &now->runs[i]);

		unknown |= reading.processes > 0 && reading.silent == reading.processes;
		if (!worst.run || isnan(worst.value) || reading.value > worst.value)
			worst = reading;
	}
	verdict.value = worst.value;
	if (worst.value > budget->limit)
		verdict.status = VERDICT_FAILED;
	else if (unknown)
		verdict.status = VERDICT_UNKNOWN;
	blame(budget, &worst, comparison, &verdict);
	verdict.subject = subject_of(budget, &worst);
	verdict.origin = strdup(budget->origin);
	verdict.name = name_of(budget);
	if (worst.run && !worst.run->stored && verdict.status != VERDICT_UNKNOWN)
		verdict.next = nextcommand_new(budget->gauge->verb, worst.run->path, NULL);
	if (note_of(budget, &worst, &verdict)) {
		free(verdict.subject);
		verdict.subject = NULL; /* verdicts_add frees the rest */
	}
	return verdicts_add(verdicts, &verdict);
}

int judge_budgets(const struct side *now, const struct comparison *comparison,
		  const struct budgets *budgets, struct verdicts *verdicts)
{
	int error = 0;

	for (size_t i = 0; !error && i < budgets->count; i++)
		error = judge(now, comparison, &budgets->items[i], verdicts);
	return error;
}
