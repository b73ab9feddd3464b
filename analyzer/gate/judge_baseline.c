/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "comparison.h"
#include "gauge.h"
#include "judge.h"
#include "measured.h"
#include "nextcommand.h"
#include "side.h"
#include "verdict.h"

struct hearing {
	const struct side *base, *now;
	const struct comparison *comparison;
	const struct baseline_rule *rule;
	bool leaks_comparable;
	struct verdicts *verdicts;
};

static bool has_scan(const struct side *side)
{
	for (size_t i = 0; i < side->count; i++) {
		for (size_t j = 0; j < side->runs[i].count; j++) {
			if (side->runs[i].processes[j].classified)
				return true;
		}
	}
	return false;
}

/* Fills in what all verdicts here have, and adds it. */
static int add(const struct hearing *hearing, const char *program, const char *what,
	       struct verdict *verdict)
{
	verdict->subject = strdup(program);
	verdict->origin = strdup("baseline");
	if (asprintf(&verdict->name, "%s %s", program, what) < 0)
		verdict->name = NULL;
	verdict->next = nextcommand_new("diff", hearing->base->runs[0].path,
					hearing->now->runs[0].path);
	return verdicts_add(hearing->verdicts, verdict);
}

static void blame_grown(const struct comparison_program *program, enum measure measure,
			struct verdict *verdict)
{
	for (size_t i = 0; i < program->sites_count; i++) {
		const struct comparison_site *site = &program->sites[i];
		const struct band *base = &site->base_bands[measure];

		if (site->now && site->now_bands[measure].runs > 0)
			verdict_blame(verdict, site->now, site->now_bands[measure].median,
				      base->runs > 0 ? base->median : 0);
	}
}

static int judge_figure(const struct hearing *hearing,
			const struct comparison_program *program, const struct gauge *gauge)
{
	const struct band *base = &program->base_bands[gauge->measure];
	const struct band *now = &program->now_bands[gauge->measure];
	struct verdict verdict = {
		.kind = VERDICT_REGRESSION, .gauge = gauge, .value = NAN, .base = NAN};
	double tolerance = hearing->rule->tolerance * fmax(gauge->tolerances, 1);
	bool leaks = gauge->measure == MEASURE_LEAKED || gauge->measure == MEASURE_DEFINITE;

	if (base->runs == 0 || now->runs == 0 || (leaks && !hearing->leaks_comparable))
		return 0;
	verdict.value = now->median;
	verdict.base = base->median;
	verdict.limit = fmax(band_limit(base, tolerance), base->median + gauge->slack);
	if (gauge->unit == QUANTITY_RATIO)
		verdict.limit = fmin(verdict.limit, 1);
	if (band_change(base, now, tolerance) == CHANGE_GREW && now->median > verdict.limit)
		verdict.status = VERDICT_FAILED;
	if (base->runs > 1 &&
	    asprintf(&verdict.note, "in %zu runs of the baseline", base->runs) < 0) {
		verdict.note = NULL;
		return -ENOMEM;
	}
	blame_grown(program, gauge->site_measure, &verdict);
	return add(hearing, program->name, gauge->name, &verdict);
}

/* A verdict that there is nothing to go by. */
static int unknown(const struct hearing *hearing, const char *program, const char *what,
		   const char *why)
{
	struct verdict verdict = {.kind = VERDICT_REGRESSION,
				  .status = VERDICT_UNKNOWN,
				  .gauge = gauge_find("max-leaked"),
				  .value = NAN,
				  .limit = NAN,
				  .base = NAN,
				  .note = strdup(why)};

	return verdict.note ? add(hearing, program, what, &verdict) : -ENOMEM;
}

static double leaked_at_sites(const struct measured_process *process)
{
	double sum = 0;

	for (size_t i = 0; i < process->sites_count; i++)
		if (!isnan(process->sites[i].measures.values[MEASURE_LEAKED]))
			sum += process->sites[i].measures.values[MEASURE_LEAKED];
	return sum;
}

/* Whether a report of the baseline was stored without all of its leaking call sites. */
static bool lacks_sites(const struct side *base)
{
	for (size_t i = 0; i < base->count; i++) {
		const struct measured_run *run = &base->runs[i];

		for (size_t j = 0; run->stored && j < run->count; j++)
			if (run->processes[j].measures.values[MEASURE_LEAKED] >
			    leaked_at_sites(&run->processes[j]))
				return true;
	}
	return false;
}

static bool leaks_anew(const struct comparison_site *site)
{
	const struct band *base = &site->base_bands[MEASURE_LEAKED];
	const struct band *now = &site->now_bands[MEASURE_LEAKED];

	return site->now && now->runs > 0 && now->min > 0 &&
	       !(base->runs > 0 && base->max > 0);
}

/* The nth of a program with that id: stacks without names share theirs. */
static int add_new_leak(const struct hearing *hearing, const char *program,
			const struct comparison_site *site, size_t n)
{
	double value = site->now_bands[MEASURE_LEAKED].median;
	struct verdict verdict = {.kind = VERDICT_NEW_LEAK,
				  .status = VERDICT_FAILED,
				  .gauge = gauge_find("max-leaked"),
				  .value = value,
				  .base = NAN};
	char what[64];

	verdict_blame(&verdict, site->now, value, NAN);
	if (n > 1)
		snprintf(what, sizeof(what), "new leak %016" PRIx64 " (%zu)", site->now->id,
			 n);
	else
		snprintf(what, sizeof(what), "new leak %016" PRIx64, site->now->id);
	return add(hearing, program, what, &verdict);
}

static int judge_new_leaks(const struct hearing *hearing,
			   const struct comparison_program *program)
{
	const struct comparison_site *sites = program->sites;
	int error = 0;

	for (size_t i = 0; !error && i < program->sites_count; i++) {
		size_t n = 1;

		if (!leaks_anew(&sites[i]))
			continue;
		if (lacks_sites(hearing->base))
			return unknown(hearing, program->name, "new leaks",
				       "the baseline was stored without all of its call "
				       "sites (report --top)");
		for (size_t k = 0; k < i; k++)
			n += leaks_anew(&sites[k]) && sites[k].now->id == sites[i].now->id;
		error = add_new_leak(hearing, program->name, &sites[i], n);
	}
	return error;
}

static int judge_missing(const struct hearing *hearing,
			 const struct comparison_program *program)
{
	bool allowed = hearing->rule->allow_missing;
	struct verdict verdict = {.kind = VERDICT_MISSING,
				  .status = allowed ? VERDICT_PASSED : VERDICT_FAILED,
				  .gauge = gauge_of_programs(),
				  .value = 0,
				  .limit = NAN,
				  .base = (double)program->base_processes};

	return add(hearing, program->name, "missing", &verdict);
}

static int judge_program(const struct hearing *hearing,
			 const struct comparison_program *program)
{
	int error = 0;

	for (size_t i = 0; !error && i < GAUGES; i++) {
		if (gauge_at(i)->compared)
			error = judge_figure(hearing, program, gauge_at(i));
	}
	if (!error && hearing->leaks_comparable)
		error = judge_new_leaks(hearing, program);
	return error;
}

int judge_baseline(const struct side *base, const struct side *now,
		   const struct comparison *comparison, const struct baseline_rule *rule,
		   struct verdicts *verdicts)
{
	struct hearing hearing = {.base = base,
				  .now = now,
				  .comparison = comparison,
				  .rule = rule,
				  .leaks_comparable = has_scan(base) == has_scan(now),
				  .verdicts = verdicts};
	size_t common = 0;
	int error = 0;

	for (size_t i = 0; i < comparison->count; i++)
		common +=
			comparison->programs[i].now_exe && comparison->programs[i].base_exe;
	for (size_t i = 0; !error && i < comparison->count; i++) {
		const struct comparison_program *program = &comparison->programs[i];

		if (program->now_exe)
			error = judge_program(&hearing, program);
		else if (common > 0)
			error = judge_missing(&hearing, program);
	}
	if (!error && common == 0)
		error = unknown(&hearing, "baseline", "program",
				"none of the baseline's programs ran");
	if (!error && !hearing.leaks_comparable)
		error = unknown(&hearing, "leaks", "comparable",
				has_scan(base) ? "the baseline was recorded with "
						 "--leak-scan; record this one so, too"
					       : "the baseline was recorded without "
						 "--leak-scan; record it so, too");
	return error;
}
