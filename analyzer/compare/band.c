/* SPDX-License-Identifier: MIT */
#include "band.h"

#include <math.h>
#include <stdlib.h>

static int ascending(const void *left, const void *right)
{
	double a = *(const double *)left, b = *(const double *)right;

	return (a > b) - (a < b);
}

struct band band_of(double *values, size_t count)
{
	struct band band = {.runs = 0};
	size_t known = 0, middle;

	for (size_t i = 0; i < count; i++)
		if (!isnan(values[i]))
			values[known++] = values[i];
	if (known == 0)
		return band;
	qsort(values, known, sizeof(values[0]), ascending);
	middle = known / 2;
	band.min = values[0];
	band.max = values[known - 1];
	band.median =
		known % 2 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
	band.runs = known;
	return band;
}

/* Stored figures have twelve digits. */
#define ROUNDING 1e-9

/* How far from the median a value may be. */
static double width(const struct band *base, double tolerance)
{
	return fabs(base->median) * fmax(tolerance, ROUNDING);
}

double band_limit(const struct band *base, double tolerance)
{
	return fmax(base->max, base->median + width(base, tolerance));
}

enum change band_change(const struct band *base, const struct band *now, double tolerance)
{
	double floor;

	if (base->runs == 0 || now->runs == 0)
		return CHANGE_NONE;
	if (now->median > band_limit(base, tolerance) && base->median < now->min)
		return CHANGE_GREW;
	floor = fmin(base->min, base->median - width(base, tolerance));
	if (now->median < floor && base->median > now->max)
		return CHANGE_SHRANK;
	return CHANGE_NONE;
}
