/* SPDX-License-Identifier: MIT */
/* What users write as numbers and times: all of the text has to be one, and nothing wraps
 * around. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "duration.h"
#include "number.h"

#define UNTOUCHED 4711u

static void expect_number(const char *text, uint64_t expected)
{
	uint64_t number = UNTOUCHED;

	assert_true(number_parse(text, 0, UINT64_MAX, &number));
	assert_int_equal(number, expected);
}

static void digits_are_numbers(void **state)
{
	(void)state;
	expect_number("0", 0);
	expect_number("7", 7);
	expect_number("0009", 9);
	expect_number("4294967296", 4294967296);
	expect_number("18446744073709551615", UINT64_MAX);
}

static void what_else_there_is_is_none(void **state)
{
	static const char *const texts[] = {
		"",
		" ",
		"-1",
		"+1",
		" 1",
		" -5",
		"\t5",
		"1 ",
		"1x",
		"0x10",
		"1e3",
		"1.0",
		"1,000",
		"\xd9\xa1",
		"18446744073709551616",
		"18446744073709551620",
		"36893488147419103232",
		"99999999999999999999999999999999",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		uint64_t number = UNTOUCHED;

		assert_false(number_parse(texts[i], 0, UINT64_MAX, &number));
		assert_int_equal(number, UNTOUCHED);
	}
}

static void bounds_belong_to_it(void **state)
{
	uint64_t number = UNTOUCHED;

	(void)state;
	assert_false(number_parse("9", 10, 20, &number));
	assert_false(number_parse("21", 10, 20, &number));
	assert_int_equal(number, UNTOUCHED);
	assert_true(number_parse("10", 10, 20, &number));
	assert_int_equal(number, 10);
	assert_true(number_parse("20", 10, 20, &number));
	assert_int_equal(number, 20);
}

static void ids_are_positive(void **state)
{
	int32_t id = UNTOUCHED;

	(void)state;
	assert_false(number_parse_id("0", &id));
	assert_false(number_parse_id("-1", &id));
	assert_false(number_parse_id("2147483648", &id));
	assert_false(number_parse_id("4294967297", &id));
	assert_int_equal(id, UNTOUCHED);
	assert_true(number_parse_id("2147483647", &id));
	assert_int_equal(id, INT32_MAX);
	assert_true(number_parse_id("1", &id));
	assert_int_equal(id, 1);
}

static void expect_duration(const char *text, uint64_t expected_ns)
{
	uint64_t ns = UNTOUCHED;

	assert_true(duration_parse(text, &ns));
	assert_int_equal(ns, expected_ns);
}

static void times_have_units(void **state)
{
	(void)state;
	expect_duration("0", 0);
	expect_duration("12.5", 12500000000);
	expect_duration("12.5s", 12500000000);
	expect_duration(".5s", 500000000);
	expect_duration("300ms", 300000000);
	expect_duration("40us", 40000);
	expect_duration("2min", 120000000000);
	expect_duration("2m", 120000000000);
	expect_duration("3h", 10800000000000);
	expect_duration("1d", 86400000000000);
	expect_duration("99999999999999999999d", INT64_MAX);
}

static void what_is_no_time(void **state)
{
	static const char *const texts[] = {
		"",    " ",    "s",    ".",   "-1",  "+1",	 " 1",	  "1 ",	 "1 s",
		"1ss", "0x10", "1e3s", "inf", "nan", "infinity", "1.2.3", "1,5", "5 min",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		uint64_t ns = UNTOUCHED;

		assert_false(duration_parse(texts[i], &ns));
		assert_int_equal(ns, UNTOUCHED);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(digits_are_numbers),
		cmocka_unit_test(what_else_there_is_is_none),
		cmocka_unit_test(bounds_belong_to_it),
		cmocka_unit_test(ids_are_positive),
		cmocka_unit_test(times_have_units),
		cmocka_unit_test(what_is_no_time),
	};

	return cmocka_run_group_tests_name("number", tests, NULL, NULL);
}
