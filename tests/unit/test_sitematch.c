/* SPDX-License-Identifier: MIT */
/* Which call sites are paired by likeness, and which are rather left alone; and bands. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "band.h"
#include "sitematch.h"

#define NAMES 32u
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* A stack of names, innermost first; its families are the same. */
#define STACK(...)                                                                         \
	&(struct matchkey)                                                                 \
	{                                                                                  \
		.names = (uint32_t[]){__VA_ARGS__}, .families = (uint32_t[]){__VA_ARGS__}, \
		.count = sizeof((uint32_t[]){__VA_ARGS__}) / sizeof(uint32_t),             \
	}
#define SITE(work, stack)                                                                  \
	{                                                                                  \
		.key = (stack), .allocations = (work), .allocated = (work),                \
		.partner = SITEMATCH_NONE                                                  \
	}

static void frames_that_are_missing_do_not_matter(void **state)
{
	/* 0 is main; 1 and 2 are callers; the others have one site each. */
	struct sitematch_item base[] = {
		SITE(5, STACK(10, 11, 1, 0)),
		SITE(6, STACK(12, 13, 1, 0)),
		SITE(7, STACK(14, 15, 2, 0)),
	};
	struct sitematch_item now[] = {
		SITE(9, STACK(15, 2, 0)),	  /* the innermost is gone */
		SITE(9, STACK(10, 1, 0)),	  /* one in the middle */
		SITE(9, STACK(12, 20, 13, 2, 0)), /* one more, and another caller */
	};

	(void)state;
	assert_int_equal(sitematch_pair(base, COUNT(base), now, COUNT(now), NAMES), 0);
	assert_int_equal(base[0].partner, 1);
	assert_int_equal(base[1].partner, 2);
	assert_int_equal(base[2].partner, 0);
	for (size_t i = 0; i < COUNT(base); i++)
		assert_int_equal(now[base[i].partner].partner, i);
}

static void another_caller_of_malloc_is_another_site(void **state)
{
	struct sitematch_item base[] = {SITE(1, STACK(10, 1, 2, 3, 4, 0))};
	struct sitematch_item now[] = {SITE(1, STACK(11, 1, 2, 3, 4, 0))};

	(void)state;
	assert_int_equal(sitematch_pair(base, 1, now, 1, NAMES), 0);
	assert_int_equal(base[0].partner, SITEMATCH_NONE);
	assert_int_equal(now[0].partner, SITEMATCH_NONE);
}

static void unlike_ones_stay_alone(void **state)
{
	struct sitematch_item base[] = {SITE(1, STACK(10, 11, 12, 13, 14, 0))};
	struct sitematch_item now[] = {SITE(1, STACK(10, 21, 22, 23, 24, 0))};

	(void)state;
	assert_int_equal(sitematch_pair(base, 1, now, 1, NAMES), 0);
	assert_int_equal(base[0].partner, SITEMATCH_NONE);
}

/* Pairs them among many others that have found each other, so that what names tell does
 * not depend on these few alone. */
#define OTHERS 40
static void pair_among_others(struct sitematch_item *base, struct sitematch_item *now,
			      size_t count)
{
	struct sitematch_item all_base[OTHERS + 8], all_now[OTHERS + 8];
	struct matchkey *alone = STACK(0); /* lives as long as this block */

	memcpy(all_base, base, count * sizeof(*base));
	memcpy(all_now, now, count * sizeof(*now));
	for (size_t i = count; i < count + OTHERS; i++) {
		all_base[i] = (struct sitematch_item)SITE(1, alone);
		all_now[i] = (struct sitematch_item)SITE(1, alone);
		all_base[i].partner = all_now[i].partner = i;
	}
	assert_int_equal(
		sitematch_pair(all_base, count + OTHERS, all_now, count + OTHERS, NAMES),
		0);
	for (size_t i = count; i < count + OTHERS; i++)
		assert_int_equal(all_base[i].partner, i);
	memcpy(base, all_base, count * sizeof(*base));
	memcpy(now, all_now, count * sizeof(*now));
}

static void work_decides_between_equals(void **state)
{
	struct sitematch_item base[] = {SITE(100, STACK(10, 11, 1, 0)),
					SITE(7, STACK(10, 11, 2, 0))};
	struct sitematch_item now[] = {SITE(8, STACK(10, 11, 0)),
				       SITE(99, STACK(10, 11, 0))};

	(void)state;
	pair_among_others(base, now, 2);
	assert_int_equal(base[0].partner, 1);
	assert_int_equal(base[1].partner, 0);
}

static void what_is_ambiguous_stays_alone(void **state)
{
	struct sitematch_item base[] = {SITE(5, STACK(10, 11, 1, 0)),
					SITE(5, STACK(10, 11, 2, 0)),
					SITE(5, STACK(20, 21, 0))};
	struct sitematch_item now[] = {SITE(5, STACK(10, 11, 0)), SITE(5, STACK(10, 11, 0)),
				       SITE(5, STACK(20, 0))};

	(void)state;
	pair_among_others(base, now, 3);
	assert_int_equal(base[0].partner, SITEMATCH_NONE);
	assert_int_equal(base[1].partner, SITEMATCH_NONE);
	assert_int_equal(base[2].partner, 2);
}

static void likeness_is_the_share_of_what_names_tell(void **state)
{
	static const double weights[NAMES] = {[0] = 0, [1] = 1, [2] = 2, [3] = 3, [4] = 4};

	(void)state;
	assert_float_equal(sitematch_likeness(STACK(4, 3, 0), STACK(4, 3, 0), weights), 1,
			   1e-12);
	/* 4 and 1 of 4 + 2 + 1 and 4 + 3 + 1 */
	assert_float_equal(sitematch_likeness(STACK(4, 2, 1), STACK(4, 3, 1), weights),
			   2.0 * 5 / 15, 1e-12);
	/* Order counts: only one of them is common. */
	assert_float_equal(sitematch_likeness(STACK(3, 4), STACK(4, 3), weights),
			   2.0 * 4 / 14, 1e-12);
	assert_float_equal(sitematch_likeness(STACK(0), STACK(0), weights), 0, 1e-12);
}

static void another_instance_counts_half(void **state)
{
	static const double weights[NAMES] = {[1] = 2, [2] = 4};
	struct matchkey a = {.names = (uint32_t[]){1}, .families = (uint32_t[]){9}};
	struct matchkey b = {.names = (uint32_t[]){2}, .families = (uint32_t[]){9}};

	(void)state;
	a.count = b.count = 1;
	assert_float_equal(sitematch_likeness(&a, &b, weights), 2.0 * 1 / 6, 1e-12);
}

static struct band of(size_t count, const double *values)
{
	double copy[8];

	memcpy(copy, values, count * sizeof(copy[0]));
	return band_of(copy, count);
}
#define BAND(...)                                                                          \
	of(sizeof((double[]){__VA_ARGS__}) / sizeof(double), (double[]){__VA_ARGS__})

static void bands_know_their_median(void **state)
{
	struct band odd = BAND(3, 1, 2), even = BAND(4, 1, 3, 2), some = BAND(NAN, 5, NAN);
	struct band none = BAND(NAN, NAN);

	(void)state;
	assert_true(odd.min == 1 && odd.median == 2 && odd.max == 3 && odd.runs == 3);
	assert_true(even.median == 2.5 && even.runs == 4);
	assert_true(some.min == 5 && some.median == 5 && some.max == 5 && some.runs == 1);
	assert_int_equal(none.runs, 0);
}

static void noise_is_no_change(void **state)
{
	static const double none[] = {NAN};
	struct band wide = BAND(90, 100, 120), ten = BAND(100), eleven = BAND(111);
	struct band unknown = of(1, none), zero = BAND(0), one = BAND(1);
	struct band over = BAND(121, 122, 123), mixed = BAND(99, 122, 123);
	struct band under = BAND(80, 85), rounded = BAND(100.00000000001);

	(void)state;
	assert_int_equal(band_change(&ten, &eleven, 0), CHANGE_GREW);
	assert_int_equal(band_change(&ten, &eleven, 0.10), CHANGE_GREW);
	assert_int_equal(band_change(&ten, &eleven, 0.11), CHANGE_NONE);
	assert_int_equal(band_change(&eleven, &ten, 0), CHANGE_SHRANK);
	assert_int_equal(band_change(&ten, &ten, 0), CHANGE_NONE);
	assert_int_equal(band_change(&ten, &rounded, 0), CHANGE_NONE);
	assert_int_equal(band_change(&wide, &eleven, 0), CHANGE_NONE);
	assert_int_equal(band_change(&wide, &over, 0), CHANGE_GREW);
	assert_int_equal(band_change(&wide, &mixed, 0), CHANGE_NONE);
	assert_int_equal(band_change(&wide, &under, 0), CHANGE_SHRANK);
	assert_int_equal(band_change(&zero, &one, 0.5), CHANGE_GREW);
	assert_int_equal(band_change(&one, &zero, 0.5), CHANGE_SHRANK);
	assert_int_equal(band_change(&unknown, &one, 0), CHANGE_NONE);
	assert_float_equal(band_limit(&wide, 0.05), 120, 1e-6);
	assert_float_equal(band_limit(&ten, 0.05), 105, 1e-6);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(frames_that_are_missing_do_not_matter),
		cmocka_unit_test(another_caller_of_malloc_is_another_site),
		cmocka_unit_test(unlike_ones_stay_alone),
		cmocka_unit_test(work_decides_between_equals),
		cmocka_unit_test(what_is_ambiguous_stays_alone),
		cmocka_unit_test(likeness_is_the_share_of_what_names_tell),
		cmocka_unit_test(another_instance_counts_half),
		cmocka_unit_test(bands_know_their_median),
		cmocka_unit_test(noise_is_no_change),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
