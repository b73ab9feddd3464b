/* SPDX-License-Identifier: MIT */
/* Strings in a caller's buffer: never beyond it, always terminated, cut and known to be. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "text.h"

#define UNTOUCHED '\xa5'

static void what_fits_is_whole(void **state)
{
	char buffer[8];
	struct text text;

	(void)state;
	memset(buffer, UNTOUCHED, sizeof(buffer));
	text_init(&text, buffer, sizeof(buffer) - 1);
	assert_string_equal(buffer, "");
	text_add(&text, "abc");
	text_add(&text, "");
	text_add_char(&text, 'd');
	text_add_bytes(&text, "efgh", 2);
	assert_string_equal(buffer, "abcdef");
	assert_int_equal(text.length, 6);
	assert_false(text.cut);
	assert_int_equal(buffer[7], UNTOUCHED);
}

static void what_does_not_fit_is_cut(void **state)
{
	(void)state;
	for (size_t capacity = 1; capacity <= 12; capacity++) {
		const char whole[] = "0123456789";
		char buffer[16];
		struct text text;
		size_t kept = capacity - 1 < 10 ? capacity - 1 : 10;

		memset(buffer, UNTOUCHED, sizeof(buffer));
		text_init(&text, buffer, capacity);
		text_add(&text, "0123");
		text_add(&text, "456789");
		assert_int_equal(text.length, kept);
		assert_memory_equal(buffer, whole, kept);
		assert_int_equal(buffer[kept], '\0');
		for (size_t i = capacity; i < sizeof(buffer); i++)
			assert_int_equal(buffer[i], UNTOUCHED);
		assert_int_equal(text.cut, kept < 10);
		/* A cut text stays cut and does not grow. */
		text_add_char(&text, 'x');
		assert_int_equal(text.cut, kept < 10 || capacity == 11);
	}
}

static const char *decimal(uint64_t number)
{
	static char buffer[24];
	struct text text;

	text_init(&text, buffer, sizeof(buffer));
	text_add_number(&text, number);
	assert_false(text.cut);
	return buffer;
}

static const char *hex(uint64_t number)
{
	static char buffer[24];
	struct text text;

	text_init(&text, buffer, sizeof(buffer));
	text_add_hex(&text, number);
	assert_false(text.cut);
	return buffer;
}

static void numbers_are_written_in_full(void **state)
{
	(void)state;
	assert_string_equal(decimal(0), "0");
	assert_string_equal(decimal(9), "9");
	assert_string_equal(decimal(10), "10");
	assert_string_equal(decimal(1234567890123), "1234567890123");
	assert_string_equal(decimal(UINT64_MAX), "18446744073709551615");
	assert_string_equal(hex(0), "0x0");
	assert_string_equal(hex(0xabcdef0123), "0xabcdef0123");
	assert_string_equal(hex(UINT64_MAX), "0xffffffffffffffff");
}

/* Takes a number from the string; returns how many characters it took, or -1. */
static int take(const char *string, unsigned base, uint64_t *number)
{
	const char *pos = string;

	if (!text_take_number(&pos, string + strlen(string), base, number)) {
		assert_ptr_equal(pos, string);
		return -1;
	}
	return (int)(pos - string);
}

static void expect_number(const char *string, unsigned base, int taken, uint64_t expected)
{
	uint64_t number = ~expected;

	assert_int_equal(take(string, base, &number), taken);
	assert_true(number == expected);
}

static void expect_none(const char *string, unsigned base)
{
	uint64_t number = 12345;

	assert_int_equal(take(string, base, &number), -1);
	assert_int_equal(number, 12345);
}

static void numbers_are_read_up_to_what_is_none(void **state)
{
	(void)state;
	expect_number("0", 10, 1, 0);
	expect_number("007", 10, 3, 7);
	expect_number("42 ", 10, 2, 42);
	expect_number("12ab", 10, 2, 12);
	expect_number("12ab", 16, 4, 0x12ab);
	expect_number("7f00deadbeef-7f01", 16, 12, 0x7f00deadbeef);
	expect_number("fg", 16, 1, 15);
	expect_number("18446744073709551615", 10, 20, UINT64_MAX);
	expect_number("ffffffffffffffff", 16, 16, UINT64_MAX);
	expect_number("000000000000000000000000001", 10, 27, 1);
}

static void what_is_no_number_is_refused(void **state)
{
	(void)state;
	expect_none("", 10);
	expect_none("-1", 10);
	expect_none("+1", 10);
	expect_none(" 1", 10);
	expect_none("a", 10);
	expect_none("g", 16);
	expect_none("18446744073709551616", 10);
	expect_none("18446744073709551620", 10);
	expect_none("99999999999999999999999", 10);
	expect_none("10000000000000000", 16);
}

static void numbers_end_where_the_bytes_end(void **state)
{
	const char bytes[] = "123456";
	const char *pos = bytes;
	uint64_t number;

	(void)state;
	assert_true(text_take_number(&pos, bytes + 3, 10, &number));
	assert_int_equal(number, 123);
	assert_ptr_equal(pos, bytes + 3);
	assert_false(text_take_number(&pos, bytes + 3, 10, &number));
}

static void bytes_equal_a_string_of_their_length(void **state)
{
	(void)state;
	assert_true(text_equal("depth=", 5, "depth"));
	assert_false(text_equal("depth=", 4, "depth"));
	assert_false(text_equal("depth=", 6, "depth"));
	assert_false(text_equal("debth", 5, "depth"));
	assert_true(text_equal("x", 0, ""));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_fits_is_whole),
		cmocka_unit_test(what_does_not_fit_is_cut),
		cmocka_unit_test(numbers_are_written_in_full),
		cmocka_unit_test(numbers_are_read_up_to_what_is_none),
		cmocka_unit_test(what_is_no_number_is_refused),
		cmocka_unit_test(numbers_end_where_the_bytes_end),
		cmocka_unit_test(bytes_equal_a_string_of_their_length),
	};

	return cmocka_run_group_tests_name("text", tests, NULL, NULL);
}
