/* SPDX-License-Identifier: MIT */
/* MFTRACE_OPTIONS: every option, its limits, its escapes, and what is not understood. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "config.h"

/* Parses into a configuration that was full of other things before. */
static const struct config *parse(const char *options)
{
	static struct config config;

	memset(&config, 0x77, sizeof(config));
	config_parse(options, &config);
	return &config;
}

/* Expects options whose first pair that is not understood is `bad`. */
static void expect_bad(const char *options, const char *bad)
{
	assert_string_equal(parse(options)->bad_option, bad);
}

static void expect_defaults(const char *options)
{
	const struct config *c = parse(options);

	assert_string_equal(c->output, "");
	assert_int_equal(c->depth, 128);
	assert_true(c->snapshots);
	assert_int_equal(c->interval_ms, 1000);
	assert_int_equal(c->verify, 0);
	assert_int_equal(c->ring_bytes, 0);
	assert_false(c->help);
	assert_string_equal(c->bad_option, "");
}

static void nothing_means_defaults(void **state)
{
	(void)state;
	expect_defaults(NULL);
	expect_defaults("");
}

static void empty_pairs_mean_nothing(void **state)
{
	(void)state;
	expect_defaults(":");
	expect_defaults("::::");
	assert_int_equal(parse("::depth=7::")->depth, 7);
	expect_bad("::depth=7::", "");
}

static void every_option_is_taken(void **state)
{
	const struct config *c = parse("output=/tmp/%e.%p.mft:depth=17:snapshots=0:"
				       "interval=250:verify=9:help=1");

	(void)state;
	assert_string_equal(c->output, "/tmp/%e.%p.mft");
	assert_int_equal(c->depth, 17);
	assert_false(c->snapshots);
	assert_int_equal(c->interval_ms, 250);
	assert_int_equal(c->verify, 9);
	assert_true(c->help);
	assert_string_equal(c->bad_option, "");
}

/* Each by itself, so that no option changes another. */
static void options_are_independent(void **state)
{
	(void)state;
	assert_int_equal(parse("depth=3")->interval_ms, 1000);
	assert_int_equal(parse("interval=3")->depth, 128);
	assert_int_equal(parse("verify=3")->depth, 128);
	assert_true(parse("help=1")->snapshots);
	assert_false(parse("snapshots=1")->help);
	assert_false(parse("help=0")->help);
	assert_true(parse("snapshots=1")->snapshots);
}

static void the_last_value_counts(void **state)
{
	(void)state;
	assert_int_equal(parse("depth=3:depth=4")->depth, 4);
	assert_string_equal(parse("output=a:output=bc")->output, "bc");
	/* A bad one leaves the one before. */
	assert_int_equal(parse("depth=3:depth=0")->depth, 3);
	assert_string_equal(parse("output=a:output=")->output, "a");
}

static void numbers_have_limits(void **state)
{
	(void)state;
	assert_int_equal(parse("depth=1")->depth, 1);
	assert_int_equal(parse("depth=256")->depth, CONFIG_DEPTH_MAX);
	assert_int_equal(parse("interval=0")->interval_ms, 0);
	assert_int_equal(parse("interval=86400000")->interval_ms, 86400000);
	assert_int_equal(parse("verify=1000000000")->verify, 1000000000);
	expect_bad("depth=256:interval=86400000:verify=1000000000", "");
	expect_bad("depth=0", "depth=0");
	expect_bad("depth=257", "depth=257");
	expect_bad("interval=86400001", "interval=86400001");
	expect_bad("verify=1000000001", "verify=1000000001");
	expect_bad("help=2", "help=2");
	expect_bad("snapshots=2", "snapshots=2");
	/* 2^32 + 5 and 2^64 + 5 are not 5. */
	expect_bad("depth=4294967301", "depth=4294967301");
	expect_bad("depth=18446744073709551621", "depth=18446744073709551621");
	assert_int_equal(parse("depth=257")->depth, 128);
}

static void sizes_have_units(void **state)
{
	(void)state;
	assert_int_equal(parse("ring=5000000")->ring_bytes, 5000000);
	assert_int_equal(parse("ring=300k")->ring_bytes, 300u << 10);
	assert_int_equal(parse("ring=64M")->ring_bytes, 64u << 20);
	assert_int_equal(parse("ring=32G")->ring_bytes, 32ull << 30);
	assert_int_equal(parse("ring=64M:ring=0")->ring_bytes, 0);
	expect_bad("ring=33G", "ring=33G");
	expect_bad("ring=18446744073709551615G", "ring=18446744073709551615G");
	expect_bad("ring=64MB", "ring=64MB");
	expect_bad("ring=64T", "ring=64T");
	expect_bad("ring=M", "ring=M");
	expect_bad("ring=", "ring=");
	expect_bad("ring=4 M", "ring=4 M");
}

static void what_is_no_number_is_bad(void **state)
{
	(void)state;
	expect_bad("depth=", "depth=");
	expect_bad("depth=12x", "depth=12x");
	expect_bad("depth=-1", "depth=-1");
	expect_bad("depth= 1", "depth= 1");
	expect_bad("depth=0x10", "depth=0x10");
	expect_bad("help=yes", "help=yes");
	expect_bad("interval==5", "interval==5");
}

static void unknown_options_are_named(void **state)
{
	(void)state;
	expect_bad("deep=1", "deep=1");
	expect_bad("dept=1", "dept=1");
	expect_bad("depths=1", "depths=1");
	expect_bad("Depth=1", "Depth=1");
	expect_bad("depth", "depth");
	expect_bad("=5", "=5");
	expect_bad("=", "=");
	/* The first is named; the others still count. */
	expect_bad("depth=5:what=1:where=2", "what=1");
	assert_int_equal(parse("what=1:depth=5:where=2")->depth, 5);
}

static void a_long_bad_option_is_cut(void **state)
{
	char options[400];
	const struct config *c;

	(void)state;
	memset(options, 'x', sizeof(options));
	options[sizeof(options) - 1] = '\0';
	c = parse(options);
	assert_int_equal(strlen(c->bad_option), sizeof(c->bad_option) - 1);
	assert_memory_equal(c->bad_option, options, sizeof(c->bad_option) - 1);
}

/* "output=" and a path of so many characters, and then another option. */
static char *long_output(size_t length)
{
	char *options = malloc(length + 32);

	assert_non_null(options);
	memcpy(options, "output=", 7);
	memset(options + 7, 'p', length);
	strcpy(options + 7 + length, ":depth=6");
	return options;
}

static void an_output_that_does_not_fit_is_bad(void **state)
{
	char *options = long_output(CONFIG_PATH_BYTES - 1);
	const struct config *c = parse(options);

	(void)state;
	assert_int_equal(strlen(c->output), CONFIG_PATH_BYTES - 1);
	assert_int_equal(c->depth, 6);
	assert_string_equal(c->bad_option, "");
	free(options);

	options = long_output(CONFIG_PATH_BYTES);
	c = parse(options);
	assert_string_equal(c->output, "");
	assert_int_equal(c->depth, 6);
	assert_memory_equal(c->bad_option, "output=ppp", 10);
	free(options);
}

static void colons_in_values_are_escaped(void **state)
{
	const struct config *c = parse("output=a%:b%%:depth=5");

	(void)state;
	assert_string_equal(c->output, "a%:b%%");
	assert_int_equal(c->depth, 5);
	c = parse("output=a%%%:depth=5");
	assert_string_equal(c->output, "a%%%:depth=5");
	assert_int_equal(c->depth, 128);
	/* Nothing follows the last one that it could escape. */
	assert_string_equal(parse("output=a%")->output, "a%");
	assert_string_equal(parse("output=a=b")->output, "a=b");
}

static void expect_path(const char *template, const char *expected)
{
	char path[64];

	assert_int_equal(config_expand(template, 4711, "prog", path, sizeof(path)), 0);
	assert_string_equal(path, expected);
}

static void templates_are_expanded(void **state)
{
	(void)state;
	expect_path("plain", "plain");
	expect_path("%p", "4711");
	expect_path("%e", "prog");
	expect_path("/d/%e.%p.mft", "/d/prog.4711.mft");
	expect_path("%p%p%e%e", "47114711progprog");
	expect_path("a%%p", "a%p");
	expect_path("a%:b", "a:b");
	expect_path("%%%:%%", "%:%");
	/* What means nothing stays. */
	expect_path("%q%P%E", "%q%P%E");
	expect_path("100%", "100%");
	expect_path("%%%", "%%");
}

/* A name is not a template: what it holds is not expanded again. */
static void names_are_not_templates(void **state)
{
	char path[64];

	(void)state;
	assert_int_equal(config_expand("%e.%p", 1, "%p:%e", path, sizeof(path)), 0);
	assert_string_equal(path, "%p:%e.1");
}

static void paths_have_limits(void **state)
{
	char path[9];

	(void)state;
	assert_int_equal(config_expand("%p-%e", 123, "four", path, sizeof(path)), 0);
	assert_string_equal(path, "123-four");
	assert_int_equal(config_expand("%p-%e", 1234, "four", path, sizeof(path)),
			 -ENAMETOOLONG);
	assert_int_equal(config_expand("%p-%e", 2147483647, "", path, sizeof(path)),
			 -ENAMETOOLONG);
	assert_int_equal(config_expand("", 1, "four", path, sizeof(path)), -EINVAL);
	assert_int_equal(config_expand("%e", 1, "", path, sizeof(path)), -EINVAL);
}

/* The help names all that is understood, in lines that fit a terminal. */
static void the_help_is_whole(void **state)
{
	static const char *const options[] = {
		"output=", "depth=",  "snapshots=", "interval=",
		"ring=",   "verify=", "help="};
	const char *line = config_help;

	(void)state;
	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++)
		assert_non_null(strstr(config_help, options[i]));
	while (*line) {
		size_t length = strcspn(line, "\n");

		assert_in_range(length, 1, 80);
		assert_int_equal(line[length], '\n');
		line += length + 1;
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_means_defaults),
		cmocka_unit_test(empty_pairs_mean_nothing),
		cmocka_unit_test(every_option_is_taken),
		cmocka_unit_test(options_are_independent),
		cmocka_unit_test(the_last_value_counts),
		cmocka_unit_test(numbers_have_limits),
		cmocka_unit_test(sizes_have_units),
		cmocka_unit_test(what_is_no_number_is_bad),
		cmocka_unit_test(unknown_options_are_named),
		cmocka_unit_test(a_long_bad_option_is_cut),
		cmocka_unit_test(an_output_that_does_not_fit_is_bad),
		cmocka_unit_test(colons_in_values_are_escaped),
		cmocka_unit_test(templates_are_expanded),
		cmocka_unit_test(names_are_not_templates),
		cmocka_unit_test(paths_have_limits),
		cmocka_unit_test(the_help_is_whole),
	};

	return cmocka_run_group_tests_name("config", tests, NULL, NULL);
}
