/* SPDX-License-Identifier: MIT */
/*
 * band.h - a figure over several runs, and when a change of it is more than noise.
 *
 * The rule. A figure grew where all of these hold:
 *   - the median of the new runs is above every one of the base runs,
 *   - it is above the median of the base runs by more than the tolerance, a share of it
 *     (and by more than a billionth, which is rounding),
 *   - the median of the base runs is below every one of the new runs.
 * It shrank where the same holds the other way round. So with one run on either side the
 * tolerance decides; with several, what lies within either side's runs is noise, however
 * wide these are.
 * Threads: any. Memory: none that stays.
 */
#ifndef BAND_H
#define BAND_H

#include <stddef.h>

struct band {
	double min, median, max; /* of runs 2n the median is the mean of the middle two */
	size_t runs;		 /* that know the figure; 0: the others mean nothing */
};

enum change {
	CHANGE_NONE = 0,
	CHANGE_GREW,
	CHANGE_SHRANK,
};

/* The band of `count` values, which are sorted in place; NaNs do not count. */
struct band band_of(double *values, size_t count);

/* By the rule; CHANGE_NONE where one of them has no runs. tolerance: 0.05 is 5 %. */
enum change band_change(const struct band *base, const struct band *now, double tolerance);

/* The highest median that is no growth over base (unless the new runs' own width excuses
 * more): what a report shows as the limit. */
double band_limit(const struct band *base, double tolerance);

#endif
