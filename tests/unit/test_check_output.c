/* SPDX-License-Identifier: MIT */
/* What a check shows of its verdicts: each format, with names that would break it, figures,
 * and the commands to copy. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "check_output.h"
#include "check_words.h"
#include "fake_side.h"
#include "gauge.h"
#include "nextcommand.h"
#include "verdict.h"

static void commands_to_copy(void **state)
{
	static const struct {
		const char *path, *text;
	} cases[] = {
		{"a/b-1.mft", "mftrace peak a/b-1.mft"},
		{"a b", "mftrace peak 'a b'"},
		{"it's", "mftrace peak 'it'\\''s'"},
		{"$(x)", "mftrace peak '$(x)'"},
		{"", "mftrace peak ''"},
	};
	char *text;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		text = nextcommand_new("peak", cases[i].path, NULL);
		assert_string_equal(text, cases[i].text);
		free(text);
	}
	text = nextcommand_new("diff", "a", "b c");
	assert_string_equal(text, "mftrace diff a 'b c'");
	free(text);
}

/* What a format writes of a failure at a site whose function has that name; the caller's.
 */
static char *written(const char *format, const char *function)
{
	struct fake_side base = {.side.count = 0}, now = {.side.count = 0};
	struct verdicts verdicts;
	char *text = NULL;
	size_t bytes;
	FILE *out = open_memstream(&text, &bytes);

	assert_non_null(out);
	fake_side_add(&base, true, fake_one, 1000, 0);
	fake_side_add(&now, true, fake_one, 1e6, 0);
	now.frames[0].function = function;
	fake_side_judge(&base, &now, false, &verdicts);
	assert_int_equal(verdicts.failed, 1);
	assert_int_equal(check_output_find(format)(&verdicts, "", out), 0);
	assert_int_equal(fclose(out), 0);
	verdicts_done(&verdicts);
	return text;
}

static void expect_part(const char *format, const char *function, const char *part)
{
	char *text = written(format, function);

	if (!strstr(text, part))
		fail_msg("%s has no \"%s\":\n%s", format, part, text);
	free(text);
}

static void names_stay_in_their_place(void **state)
{
	char row[100];

	(void)state;
	expect_part("text", "f", "\n            f                         src/a.c:12\n");
	expect_part("text", "\033[31m", "\\x1b[31m");
	expect_part("json", "a\"b\\", "\"function\": \"a\\\"b\\\\\"");
	expect_part("sarif", "a\"b\n", "\"fullyQualifiedName\": \"a\\\"b");
	expect_part("junit", "<f>&\"", "&lt;f&gt;&amp;&quot;  src/a.c:12");
	expect_part("junit", "\x01", "\\x01");
	expect_part("github", "a%b\r\n::error::c", "a%25b\\x0d\\x0a::error::c");
	expect_part("github", "f", "::error file=src/a.c,line=12,title=mftrace one peak::");
	expect_part("markdown", "```\n", "\n````\none: peak");
	expect_part("markdown", "f",
		    "| **failed** | one peak | 977 KiB | 1.98 KiB | 1,000 B | one |");
	memset(row, '`', sizeof(row) - 1);
	row[sizeof(row) - 1] = '\0';
	{
		char *text = written("markdown", row);
		const char *fence = strstr(text, "\n\n`");

		/* One more than the name has, on a line of its own. */
		assert_non_null(fence);
		assert_int_equal(strspn(fence + 2, "`"), sizeof(row));
		free(text);
	}
}

/* A stored report may hold any number. */
static void numbers_without_bounds(void **state)
{
	const struct gauge *gauge = gauge_find("max-allocations");

	(void)state;
	assert_string_equal(check_figure(gauge, 1e300).text, "9,223,372,036,854,775,808");
	assert_string_equal(check_figure(gauge, 2.5).text, "3");
	assert_string_equal(check_figure(gauge, NAN).text, "unknown");
	assert_string_equal(figure_bytes(-1).text, "0 B");
	assert_string_equal(figure_bytes(1023.4).text, "1,023 B");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(commands_to_copy),
		cmocka_unit_test(names_stay_in_their_place),
		cmocka_unit_test(numbers_without_bounds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
