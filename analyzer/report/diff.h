/* SPDX-License-Identifier: MIT */
/*
 * diff.h - what the reports of `mftrace diff` are made from, and in which order.
 *
 * Threads: none. Memory: the arrays that diff_sites returns are the caller's (free).
 * Not here: the comparison itself (comparison.h), output (text_diff.h, json_diff.h).
 */
#ifndef DIFF_H
#define DIFF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "comparison.h"

struct side;

struct diff {
	const struct side *base, *now;
	const struct comparison *comparison;
	double tolerance; /* a share */
	size_t top;	  /* sites to show in a list; REPORT_ALL: no limit */
	/* Both sides are the same dump, at two instants; "at exit" then means that. */
	bool instants;
	bool base_ends, now_ends; /* that side's instant is the end */
	uint64_t base_ns, now_ns;
};

/* How many of a program's sites did what in one figure. */
struct diff_counts {
	size_t appeared, vanished, grew, shrank;
	double delta; /* of all of them together */
};

/* The sites of a program whose figure changed by the rule of band.h, those that changed
 * most first. Returns 0 and sets *ret_sites (free) and *ret_count, or -ENOMEM. counts may
 * be NULL. */
int diff_sites(const struct diff *diff, const struct comparison_program *program,
	       enum measure measure, const struct comparison_site ***ret_sites,
	       size_t *ret_count, struct diff_counts *counts);

/* The same of sites of which any figure changed: by leaked bytes, then by those at the
 * peak, live, allocated. */
int diff_changed_sites(const struct diff *diff, const struct comparison_program *program,
		       const struct comparison_site ***ret_sites, size_t *ret_count);

/* Whether all processes of that program on both sides were classified by a scan. */
bool diff_classified(const struct comparison_program *program);

/* "appeared", "vanished", "grew", "shrank", "unchanged" */
const char *diff_change_name(const struct comparison_site *site, enum change change);

#endif
