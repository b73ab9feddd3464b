/* SPDX-License-Identifier: MIT */
/*
 * gauge.h - the figures that a gate can hold to a limit.
 *
 * Each is a measure of a comparison (measured.h) with what a gate must know besides: its
 * name in options and files, its unit, how the processes of a run make one figure, and
 * which command tells more.
 * Guarantees: plain tables. Threads: any. Memory: none.
 * Not here: limits (budget.h).
 */
#ifndef GAUGE_H
#define GAUGE_H

#include <stdbool.h>
#include <stddef.h>

#include "measured.h"
#include "quantity.h"

struct gauge {
	const char *name;    /* "peak"; the budget is "max-peak" */
	const char *noun;    /* "peak", "leaked bytes": begins a sentence about the value */
	const char *meaning; /* a sentence, for formats that describe their rules */
	const char *verb;    /* of mftrace, that shows it in depth */
	enum measure measure;
	enum measure site_measure; /* by which call sites have spent it */
	enum quantity_unit unit;
	/* What several processes have: the sum, or, as their peaks are not at the same
	 * time, the highest. */
	bool adds_up;
	bool of_sites; /* a call site has such a figure too */
	/* Compared with a baseline; so much more is never a regression, because allocators
	 * give memory in pages and arenas. What depends on which threads meet in which
	 * arena has several times the tolerance; 0 is once. */
	bool compared;
	double slack;
	double tolerances;
};

#define GAUGES 9u

/* By index, below GAUGES. */
const struct gauge *gauge_at(size_t index);

/* By the name of its budget, "max-peak"; NULL: there is none. */
const struct gauge *gauge_find(const char *key);

/* How many processes ran, for verdicts on programs; not a budget. */
const struct gauge *gauge_of_programs(void);

/* How many events were recorded, for verdicts on recordings; not a budget. */
const struct gauge *gauge_of_recordings(void);

#endif
