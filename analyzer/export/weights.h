/* SPDX-License-Identifier: MIT */
/*
 * weights.h - the call sites of a process by metric, in whole numbers.
 *
 * Guarantees: the weights of a metric add up to the sum of the sites' exact figures,
 * rounded. (A page that is pinned by three sites has thirds of bytes for each.)
 * Threads: none. Memory: weights_done.
 * Not here: how sites are merged and named (sites.h, framename.h).
 */
#ifndef WEIGHTS_H
#define WEIGHTS_H

#include <stddef.h>
#include <stdint.h>

#include "export.h"
#include "sites.h"

struct weights {
	struct sites sites; /* all there are; those with most of a metric come first */
	/* By site, a row of EXPORT_METRICS each. */
	uint64_t (*rows)[EXPORT_METRICS];
	uint64_t totals[EXPORT_METRICS];
};

/* The sites of one member of the family, or of all (FAMILY_NONE); first: the metric they
 * are sorted by. Returns 0 or -ENOMEM; weights_done in any case. */
int weights_init(struct weights *weights, const struct report *report, size_t member,
		 enum export_metric first);
void weights_done(struct weights *weights);

#endif
