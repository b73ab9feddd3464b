/* SPDX-License-Identifier: MIT */
/* Series that grow, and series that only look as if they did. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ledger.h"
#include "profile.h"
#include "series.h"
#include "trend.h"

#define N 64

static uint64_t seed;

/* In [-1, 1). */
static double noise(void)
{
	seed = seed * 6364136223846793005ull + 1442695040888963407ull;
	return (double)(seed >> 11) / (double)(1ull << 52) - 1;
}

static bool is_steady(const float *values)
{
	struct profile_trend trend;

	trend_find(values, N, 1, &trend);
	return trend.steady;
}

static void a_line_grows_at_its_slope(void **state)
{
	float y[N];
	struct profile_trend trend;

	(void)state;
	for (int i = 0; i < N; i++)
		y[i] = 5000.0f + 300.0f * (float)i;
	trend_find(y, N, 0.5, &trend);
	assert_true(trend.steady);
	assert_float_equal(trend.bytes_per_s, 600, 1e-9);
	assert_float_equal(trend.low, 600, 1e-9);
	assert_float_equal(trend.high, 600, 1e-9);
	assert_true(trend.p < 1e-6);
	assert_int_equal(trend.grown_bytes, 300 * 31);
	assert_int_equal(trend.window_ns, 31 * 500000000ull);
}

static void bounds_hold_the_slope_of_a_noisy_line(void **state)
{
	unsigned found = 0, held = 0;

	(void)state;
	seed = 1;
	for (int round = 0; round < 500; round++) {
		struct profile_trend trend;
		float y[N];

		for (int i = 0; i < N; i++)
			y[i] = (float)(100000 + 1000 * i + 5000 * noise());
		trend_find(y, N, 1, &trend);
		found += trend.steady;
		held += trend.steady && trend.low <= 1000 && 1000 <= trend.high;
	}
	/* The noise is five times a step: the last third alone sometimes looks flat. */
	assert_true(found > 400);
	assert_true((double)held > 0.9 * found);
}

static void a_leak_now_and_then_grows(void **state)
{
	float y[N];

	(void)state;
	for (int i = 0; i < N; i++)
		y[i] = 4096.0f * (float)(i / 3);
	assert_true(is_steady(y));
	for (int i = 0; i < N; i++)
		y[i] = 100.0f * (float)i * (float)i;
	assert_true(is_steady(y));
	for (int i = 0; i < N; i++) /* and a large block once */
		y[i] = 100.0f * (float)i + (i < 35 ? 0.0f : 900000.0f);
	assert_true(is_steady(y));
}

static void plateaus_do_not_grow(void **state)
{
	float y[N];

	(void)state;
	for (int i = 0; i < N; i++) /* full at 70 % of the run */
		y[i] = i < 45 ? 10000.0f * (float)i : 450000.0f;
	assert_false(is_steady(y));
	for (int i = 0; i < N; i++) /* fills up more and more slowly */
		y[i] = (float)(1e6 * (1 - exp(-i / 8.0)));
	assert_false(is_steady(y));
	for (int i = 0; i < N; i++) /* built up at the start, then noise */
		y[i] = i < 20 ? 50000.0f * (float)i : (float)(1e6 + 1000 * noise());
	assert_false(is_steady(y));
}

static void jumps_and_waves_do_not_grow(void **state)
{
	float y[N];

	(void)state;
	for (int i = 0; i < N; i++)
		y[i] = i < 50 ? 1000.0f : 900000.0f;
	assert_false(is_steady(y));
	for (int i = 0; i < N; i++) /* three jumps */
		y[i] = 100000.0f * (float)((i > 38) + (i > 48) + (i > 58));
	assert_false(is_steady(y));
	for (int i = 0; i < N; i++) /* doubling, as a vector does */
		y[i] = (float)(1u << (10 + i / 6));
	assert_false(is_steady(y));
	for (int i = 0; i < N; i++) /* a garbage collector's saw */
		y[i] = 100000.0f * (float)(i % 8);
	assert_false(is_steady(y));
	for (int i = 0; i < N; i++)
		y[i] = 1e7f - 1000.0f * (float)i;
	assert_false(is_steady(y));
	memset(y, 0, sizeof(y));
	assert_false(is_steady(y));
}

static void noise_seldom_grows(void **state)
{
	unsigned flat = 0, walks = 0;

	(void)state;
	seed = 2;
	for (int round = 0; round < 5000; round++) {
		double at = 1e9;
		float y[N];

		for (int i = 0; i < N; i++)
			y[i] = (float)(1e6 + 1e5 * noise());
		flat += is_steady(y);
		for (int i = 0; i < N; i++)
			y[i] = (float)(at += 1e6 * noise());
		walks += is_steady(y);
	}
	assert_true(flat < 10);
	assert_true(walks < 100);
}

static void too_few_values_tell_nothing(void **state)
{
	struct profile_trend trend;
	float y[N];

	(void)state;
	for (int i = 0; i < N; i++)
		y[i] = 3000.0f * (float)i;
	trend_find(y, TREND_LEAST - 1, 1, &trend);
	assert_false(trend.steady);
	trend_find(y, TREND_LEAST, 1, &trend);
	assert_true(trend.steady);
}

/* ---- Series ------------------------------------------------------------------------- */

/* Sites that hold nothing yet. The caller frees `sites`. */
static struct ledger empty_ledger(size_t count)
{
	struct ledger ledger = {.count = count};

	ledger.sites = aligned_alloc(64, count * sizeof(*ledger.sites));
	assert_non_null(ledger.sites);
	memset(ledger.sites, 0, count * sizeof(*ledger.sites));
	return ledger;
}

static void instants_are_halved_when_they_are_full(void **state)
{
	struct ledger ledger = empty_ledger(3);
	struct profile_site sites[3] = {{.live_bytes = 0}};
	struct profile profile = {.sites = sites, .sites_count = 3};
	struct series series;

	(void)state;
	series_init(&series, 500000, 0);
	assert_int_equal(series.interval, 1);
	/* Site 0 holds 100 times the clock, site 1 nothing, site 2 as much from 5000 on. */
	for (uint64_t clock = 1; clock <= 10000; clock++) {
		if (series_due(&series, clock))
			assert_int_equal(series_advance(&series, clock, &ledger), 0);
		ledger.sites[0].live_bytes = 100 * clock;
		ledger.sites[2].live_bytes = clock < 5000 ? 0 : 7;
	}
	assert_int_equal(series.rows_count, 2);
	assert_int_equal(series.interval, 256);
	assert_int_equal(series.count, 10000 / 256);
	for (uint32_t k = 0; k < series.count; k++) {
		uint64_t clock = (k + 1) * 256;

		assert_float_equal(series.rows[0][k], 100.0 * (double)(clock - 1), 1);
		assert_float_equal(series.rows[1][k], clock <= 5000 ? 0 : 7, 0);
	}
	/* A long time in which nothing happens. */
	assert_int_equal(series_advance(&series, 1ull << 40, &ledger), 0);
	assert_true(series.count >= SERIES_MOST / 2 && series.count < SERIES_MOST);
	series_close(&series, 500000, &profile);
	assert_false(sites[0].trend.steady);
	series_done(&series);
	free(ledger.sites);
}

static void a_site_that_grows_gets_its_trend(void **state)
{
	struct ledger ledger = empty_ledger(1);
	struct profile_site site = {.live_bytes = 0};
	struct profile profile = {.sites = &site, .sites_count = 1};
	struct series series;

	(void)state;
	series_init(&series, 1000, 0); /* ns */
	for (uint64_t clock = 1; clock <= 1000000; clock += 50) {
		assert_int_equal(series_advance(&series, clock, &ledger), 0);
		ledger.sites[0].live_bytes += 10;
	}
	series_close(&series, 1000, &profile);
	assert_true(site.trend.steady);
	/* 10 bytes each 50 microseconds */
	assert_float_equal(site.trend.bytes_per_s, 200000, 200);
	series_done(&series);
	free(ledger.sites);
}

/* What a site held before the events begin to be known is no growth. */
static void a_series_can_begin_late(void **state)
{
	const uint64_t start = 1ull << 40;
	struct ledger ledger = empty_ledger(1);
	struct profile_site site = {.live_bytes = 0};
	struct profile profile = {.sites = &site, .sites_count = 1};
	struct series series;

	(void)state;
	ledger.sites[0].live_bytes = 5000;
	series_init(&series, 500000, start);
	assert_false(series_due(&series, start));
	assert_int_equal(series_advance(&series, start + 1000, &ledger), 0);
	/* As it would be 1000 units after 0. */
	assert_int_equal(series.interval, 16);
	assert_int_equal(series.count, 1000 / 16);
	assert_int_equal(series.next, start + (1000 / 16 + 1) * 16);
	for (uint32_t k = 0; k < series.count; k++)
		assert_float_equal(series.rows[0][k], 5000, 0);
	series_close(&series, 500000, &profile);
	assert_false(site.trend.steady);
	series_done(&series);
	free(ledger.sites);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_line_grows_at_its_slope),
		cmocka_unit_test(bounds_hold_the_slope_of_a_noisy_line),
		cmocka_unit_test(a_leak_now_and_then_grows),
		cmocka_unit_test(plateaus_do_not_grow),
		cmocka_unit_test(jumps_and_waves_do_not_grow),
		cmocka_unit_test(noise_seldom_grows),
		cmocka_unit_test(too_few_values_tell_nothing),
		cmocka_unit_test(instants_are_halved_when_they_are_full),
		cmocka_unit_test(a_site_that_grows_gets_its_trend),
		cmocka_unit_test(a_series_can_begin_late),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
