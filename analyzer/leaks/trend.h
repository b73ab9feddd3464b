/* SPDX-License-Identifier: MIT */
/*
 * trend.h - whether a series of numbers grows steadily, and how fast.
 *
 * Only the second half is looked at: what a program builds up at its start is no leak. In
 * it growth is steady where all of this holds:
 *  - it is no chance: of two tests one refutes that there is no growth, with p < 0.001 for
 *    both together. Mann and Kendall's on all pairs of values (H. B. Mann, Nonparametric
 *    tests against trend, Econometrica 13, 1945), its variance widened by the
 *    autocorrelation of what is left beside the line (S. Yue, C. Wang, The Mann-Kendall
 *    test modified by effective sample size, Water Resources Management 18, 2004); and the
 *    sign test on the steps from value to value, which holds for a random walk too;
 *  - it is no single jump: at least 4 steps lead up;
 *  - it has not stopped: the last third still grows at a quarter of the pace at least. A
 *    cache that is filling up slows down, and one that is full does not grow.
 * The pace is the median of the slopes of all pairs, its bounds those that P. K. Sen gives
 * (Estimates of the regression coefficient based on Kendall's tau, JASA 63, 1968).
 * Threads: any. Memory: none.
 */
#ifndef TREND_H
#define TREND_H

#include <stddef.h>

struct profile_trend;

/* values: bytes at instants interval_s seconds apart, the last `count` of the run, at most
 * TREND_MOST. Sets *ret_trend; all zeros but perhaps p where growth is not steady. Fewer
 * than TREND_LEAST values tell nothing. */
void trend_find(const float *values, size_t count, double interval_s,
		struct profile_trend *ret_trend);

#define TREND_MOST 64u
#define TREND_LEAST 24u

#endif
