/* SPDX-License-Identifier: MIT */
/*
 * sitematch.h - which call sites of two builds are the same although their stacks differ.
 *
 * Another optimisation level, or missing debug information, takes frames out of stacks or
 * puts them in; it does not change the order of those that stay. So two stacks are alike
 * as far as the longest common subsequence of their names goes. A name counts by what it
 * tells: -log2 of the share of the sites that have it, so that `main` counts for nothing
 * and a function with one site for much; another instance of the same template counts
 * half. The likeness is what the common names count, of what the names of both count
 * together; in the range 0 to 1.
 *
 * Two sites are paired where each is the other's only best, by at least SITEMATCH_LEAST,
 * and the innermost name of one of them is somewhere in the other: frames that are missing
 * are no contradiction, two different callers of malloc are. What does the same work - as
 * many allocations of as many bytes - decides between nearly equal ones. Where it does not,
 * the sites stay alone: a wrong pair is worse than none.
 *
 * Guarantees: the pairs do not depend on the order of the sites. Time is bounded: sites are
 * compared where they share a name that no more than SITEMATCH_CANDIDATES others have.
 * Threads: none. Memory: none that stays.
 * Not here: what is equal (matchkey.h).
 */
#ifndef SITEMATCH_H
#define SITEMATCH_H

#include <stddef.h>
#include <stdint.h>

#include "matchkey.h"

#define SITEMATCH_LEAST 0.5
#define SITEMATCH_CANDIDATES 256u

struct sitematch_item {
	const struct matchkey *key;
	double allocations, allocated; /* NaN: not known */
	size_t partner;		       /* index on the other side, or SITEMATCH_NONE */
};
#define SITEMATCH_NONE SIZE_MAX

/* Pairs those items that have no partner: sets `partner` of both. names: how many
 * different ones there are (matchkeys_names). Returns 0 or -ENOMEM. */
int sitematch_pair(struct sitematch_item *base, size_t base_count,
		   struct sitematch_item *now, size_t now_count, size_t names);

/* The likeness of two keys; weights by name. */
double sitematch_likeness(const struct matchkey *a, const struct matchkey *b,
			  const double *weights);

#endif
