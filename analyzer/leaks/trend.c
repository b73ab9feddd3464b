/* SPDX-License-Identifier: MIT */
#include "trend.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

#include "profile.h"

#define WINDOW_MOST (TREND_MOST / 2 + 1)
#define PAIRS_MOST (WINDOW_MOST * (WINDOW_MOST - 1) / 2)

#define CHANCE_MOST 0.001
#define STEPS_LEAST 4u
#define PACE_LEFT_LEAST 0.25
#define GROWN_BYTES_LEAST 1024
#define Z_95 1.959964 /* of the normal distribution */

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* The slopes of all pairs in order, a step as the unit. Returns how many. */
static size_t all_slopes(const float *y, size_t n, double *slopes, double *ret_score)
{
	size_t count = 0;
	double score = 0;

	for (size_t i = 0; i < n; i++) {
		for (size_t j = i + 1; j < n; j++) {
			double rise = (double)y[j] - (double)y[i];

			score += (rise > 0) - (rise < 0);
			slopes[count++] = rise / (double)(j - i);
		}
	}
	qsort(slopes, count, sizeof(*slopes), compare);
	*ret_score = score;
	return count;
}

static double median(const double *sorted, size_t count)
{
	return count % 2 ? sorted[count / 2]
			 : (sorted[count / 2 - 1] + sorted[count / 2]) / 2;
}

/* Of Mann and Kendall's score, less where values are equal. */
static double score_variance(const float *y, size_t n)
{
	double variance = (double)(n * (n - 1) * (2 * n + 5));

	for (size_t i = 0; i < n; i++) {
		size_t equal = 1;
		bool first = true;

		for (size_t j = 0; j < n; j++) {
			if (j == i || y[j] < y[i] || y[j] > y[i])
				continue;
			first &= j > i;
			equal++;
		}
		if (first && equal > 1)
			variance -= (double)(equal * (equal - 1) * (2 * equal + 5));
	}
	return variance / 18;
}

/* How much wider the variance is because neighbours are alike. */
static double widening(const float *y, size_t n, double slope)
{
	double rest[WINDOW_MOST], mean = 0, squares = 0, products = 0, likeness;

	for (size_t i = 0; i < n; i++) {
		rest[i] = (double)y[i] - slope * (double)i;
		mean += rest[i] / (double)n;
	}
	for (size_t i = 0; i < n; i++) {
		squares += (rest[i] - mean) * (rest[i] - mean);
		if (i > 0)
			products += (rest[i] - mean) * (rest[i - 1] - mean);
	}
	/* Rounding is no deviation. */
	if (squares <= 1e-9 * mean * mean)
		return 1;
	/* Of few values, from which a line was taken, the estimate comes out too small
	 * (M. G. Kendall, Note on bias in the estimation of autocorrelation, Biometrika
	 * 41, 1954). */
	likeness = ((double)n * products / squares + 2) / ((double)n - 4);
	likeness = fmin(likeness, 0.95);
	return likeness > 0 ? (1 + likeness) / (1 - likeness) : 1;
}

struct steps {
	unsigned up, down;
};

static struct steps count_steps(const float *y, size_t n)
{
	struct steps steps = {0};

	for (size_t i = 1; i < n; i++) {
		double rise = (double)y[i] - (double)y[i - 1];

		steps.up += rise > 0;
		steps.down += rise < 0;
	}
	return steps;
}

/* That as many of the steps lead up, or more, if each does with one half. */
static double chance_of_steps(const struct steps *steps)
{
	unsigned all = steps->up + steps->down;
	double ways = 1, sum = 0;

	/* ways: all over k. */
	for (unsigned k = 0; k <= all; k++) {
		if (k >= steps->up)
			sum += ways;
		ways = ways * (all - k) / (k + 1);
	}
	return ldexp(sum, -(int)all);
}

void trend_find(const float *values, size_t count, double interval_s,
		struct profile_trend *ret_trend)
{
	double slopes[PAIRS_MOST], score, variance, slope, late, spread, chance;
	size_t n = count - count / 2, third = n / 3, pairs, bound;
	const float *y = values + count / 2;
	struct steps steps;

	*ret_trend = (struct profile_trend){.p = 1};
	if (count < TREND_LEAST || count > TREND_MOST)
		return;
	steps = count_steps(y, n);
	if (steps.up < STEPS_LEAST || y[n - 1] - y[0] < GROWN_BYTES_LEAST)
		return;
	pairs = all_slopes(y + n - third, third, slopes, &score);
	late = median(slopes, pairs);
	pairs = all_slopes(y, n, slopes, &score);
	slope = median(slopes, pairs);
	variance = score_variance(y, n) * widening(y, n, slope);
	chance = fmin(erfc((score - 1) / sqrt(2 * variance)) / 2, chance_of_steps(&steps));
	ret_trend->p = fmin(1, 2 * chance); /* two tests */
	if (ret_trend->p >= CHANCE_MOST || slope <= 0 || late < slope * PACE_LEFT_LEAST)
		return;
	spread = Z_95 * sqrt(variance);
	bound = spread < (double)pairs ? (size_t)(((double)pairs - spread) / 2) : 0;
	/* A saw has many small steps up and few large ones down. */
	if (slopes[bound] <= 0 && steps.down > 0)
		return;
	ret_trend->steady = true;
	ret_trend->bytes_per_s = slope / interval_s;
	ret_trend->low = slopes[bound] / interval_s;
	ret_trend->high = slopes[pairs - 1 - bound] / interval_s;
	ret_trend->grown_bytes = (uint64_t)((double)y[n - 1] - (double)y[0]);
	ret_trend->window_ns = (uint64_t)((double)(n - 1) * interval_s * 1e9);
}
