/* SPDX-License-Identifier: MIT */
/*
 * comparison.h - two sides put next to each other: programs, and their call sites in pairs.
 *
 * Processes of a run that run the same program (base name of exe) are added up: counts and
 * bytes are sums, ratios the highest. A program stands on both sides when its name does;
 * and where each side has one program only, the two are taken for the same.
 *
 * Sites of one side are the same where their fingerprints are (matchkey.h: names of
 * functions and modules, no lines, no addresses); what they have is added up within a run,
 * and over the runs it makes a band (band.h). A site that is missing in a run had nothing
 * there: 0. Between the sites of the two sides, equal fingerprints make a pair; what is
 * left over is paired by likeness (sitematch.h), and what is still left has appeared or
 * vanished.
 *
 * Guarantees: every site of either side is in exactly one pair; the order is always the
 * same. Threads: none. Memory: comparison_free; the sides must outlive it.
 * Not here: which changes matter (gate), how they are shown (report).
 */
#ifndef COMPARISON_H
#define COMPARISON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "band.h"
#include "measured.h"

struct side;

/* How two sites found each other. */
enum pairing {
	PAIRING_NONE = 0,    /* there is one only: base or now is NULL */
	PAIRING_FINGERPRINT, /* the names are the same */
	PAIRING_LIKENESS,    /* they are nearly */
};

struct comparison_site {
	/* The first one found on either side, for its frames and id; NULL: there is none.
	 * Their figures are those of one run and one process: the bands count. */
	const struct measured_site *base, *now;
	enum pairing pairing;
	struct band base_bands[MEASURES_OF_SITES];
	struct band now_bands[MEASURES_OF_SITES];
};

struct comparison_program {
	const char *name;		/* base name; the new side's where they differ */
	const char *base_exe, *now_exe; /* NULL: does not run on that side */
	size_t base_processes, now_processes; /* the most of any run */
	struct band base_bands[MEASURES];
	struct band now_bands[MEASURES];
	struct comparison_site *sites;
	size_t sites_count;
};

struct comparison {
	/* In the order of the new side, then the rest. */
	struct comparison_program *programs;
	size_t count;
};

/* Returns 0 and sets *ret_comparison, or -ENOMEM. */
int comparison_new(const struct side *base, const struct side *now,
		   struct comparison **ret_comparison);
void comparison_free(struct comparison *comparison);

/* What a figure of a site did, by band_change. A pair without one side counts 0 there. */
enum change comparison_site_change(const struct comparison_site *site, enum measure measure,
				   double tolerance);

/* New median less base median; 0 where one is not known. */
double comparison_site_delta(const struct comparison_site *site, enum measure measure);

#endif
