/* SPDX-License-Identifier: MIT */
#include "weights.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "report.h"

static enum sites_order order_of(enum export_metric metric)
{
	switch (metric) {
	case EXPORT_PEAK:
		return SITES_BY_PEAK;
	case EXPORT_LEAKED:
		return SITES_BY_LEAKED;
	case EXPORT_TEMPORARY:
		return SITES_BY_TEMPORARY;
	case EXPORT_PINNED:
		return SITES_BY_PINNED;
	case EXPORT_ALLOCATED:
	case EXPORT_ALLOCATIONS:
		break;
	}
	return SITES_BY_ALLOCATED;
}

int weights_init(struct weights *weights, const struct report *report, size_t member,
		 enum export_metric first)
{
	double shared = 0; /* so far */
	uint64_t given = 0;
	int error;

	memset(weights, 0, sizeof(*weights));
	error = report_sites(report, member, SITES_BY_ALLOCATED, order_of(first),
			     &weights->sites);
	if (error)
		return error;
	weights->rows = calloc(weights->sites.count + 1, sizeof(weights->rows[0]));
	if (!weights->rows)
		return -ENOMEM;
	for (size_t i = 0; i < weights->sites.count; i++) {
		const struct site *site = &weights->sites.items[i];
		uint64_t *row = weights->rows[i];
		uint64_t rounded;

		/* What rounding took from one site the next one gets. */
		shared += site->pinned_shared_bytes;
		rounded = shared > 0 ? (uint64_t)llround(shared) : 0;
		row[EXPORT_PEAK] = site->peak_bytes;
		row[EXPORT_LEAKED] = site->leaked.bytes;
		row[EXPORT_ALLOCATED] = site->allocated_bytes;
		row[EXPORT_ALLOCATIONS] = site->allocations;
		row[EXPORT_TEMPORARY] = site->temporary;
		row[EXPORT_PINNED] = site->pinned_exclusive_bytes + rounded - given;
		given = rounded;
		for (unsigned metric = 0; metric < EXPORT_METRICS; metric++)
			weights->totals[metric] += row[metric];
	}
	return 0;
}

void weights_done(struct weights *weights)
{
	free(weights->rows);
	sites_done(&weights->sites);
	memset(weights, 0, sizeof(*weights));
}
