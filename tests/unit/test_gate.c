/* SPDX-License-Identifier: MIT */
/* Budgets as people write them, the file they stand in, and the order of verdicts. */
#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "budget.h"
#include "budgetfile.h"
#include "complaint.h"
#include "gauge.h"
#include "measured.h"
#include "quantity.h"
#include "scratch.h"
#include "sitepattern.h"
#include "verdict.h"

static void quantities(void **state)
{
	static const struct {
		const char *text;
		enum quantity_unit unit;
		double value;
	} good[] = {
		{"0", QUANTITY_BYTES, 0},
		{"64MiB", QUANTITY_BYTES, 64.0 * (1 << 20)},
		{"64MB", QUANTITY_BYTES, 64e6},
		{"64 mib", QUANTITY_BYTES, 64.0 * (1 << 20)},
		{"1.5G", QUANTITY_BYTES, 1610612736},
		{"1.5k", QUANTITY_BYTES, 1536},
		{"12B", QUANTITY_BYTES, 12},
		{".5K", QUANTITY_BYTES, 512},
		{"0.3B", QUANTITY_BYTES, 0},
		{"1TB", QUANTITY_BYTES, 1e12},
		{"10k", QUANTITY_COUNT, 10000},
		{"1.5M", QUANTITY_COUNT, 1500000},
		{"0.3", QUANTITY_RATIO, 0.3},
		{"30%", QUANTITY_RATIO, 0.3},
		{"30 %", QUANTITY_RATIO, 0.3},
		{"100%", QUANTITY_RATIO, 1},
		{"250%", QUANTITY_SHARE, 2.5},
	};
	double value;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		value = -1;
		assert_int_equal(quantity_parse(good[i].text, good[i].unit, &value), 0);
		/* The very same number, not one that is close. */
		assert_true(value == good[i].value);
	}
}

static void no_quantities(void **state)
{
	static const struct {
		const char *text;
		enum quantity_unit unit;
		int error;
	} bad[] = {
		{"", QUANTITY_BYTES, -EINVAL},	     {"-1", QUANTITY_BYTES, -EINVAL},
		{"+1", QUANTITY_BYTES, -EINVAL},     {"MiB", QUANTITY_BYTES, -EINVAL},
		{".", QUANTITY_BYTES, -EINVAL},	     {"1.2.3", QUANTITY_BYTES, -EINVAL},
		{"1e3", QUANTITY_BYTES, -EINVAL},    {"0x10", QUANTITY_BYTES, -EINVAL},
		{"inf", QUANTITY_BYTES, -EINVAL},    {"nan", QUANTITY_RATIO, -EINVAL},
		{"1 XB", QUANTITY_BYTES, -EINVAL},   {"5%", QUANTITY_BYTES, -EINVAL},
		{"5MiB", QUANTITY_COUNT, -EINVAL},   {"1,000", QUANTITY_COUNT, -EINVAL},
		{"1.1", QUANTITY_RATIO, -ERANGE},    {"101%", QUANTITY_RATIO, -ERANGE},
		{"99999T", QUANTITY_BYTES, -ERANGE}, {" 1", QUANTITY_BYTES, -EINVAL},
	};
	double value = 7;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(quantity_parse(bad[i].text, bad[i].unit, &value),
				 bad[i].error);
	assert_true(value == 7);
}

/* Reads text as a budget file; the complaint is in *complaint. */
static int read_text(const char *text, struct budgetfile *file, struct complaint *complaint)
{
	struct scratch scratch;
	int error;

	scratch_open(&scratch);
	assert_int_equal(write(scratch.fd, text, strlen(text)), (ssize_t)strlen(text));
	error = budgetfile_read(scratch.path, file, complaint);
	scratch_close(&scratch);
	return error;
}

static void a_file(void **state)
{
	static const char text[] = "# of the run\n"
				   "max-leaked = 0\n"
				   "max-peak = 64MiB ; as ever\n"
				   "tolerance=10%\n"
				   "baseline = /tmp/a.json\n"
				   "baseline = b.json\n"
				   "\n"
				   "[site parser]\n"
				   "    max-peak = 1KiB\n"
				   "    match = \"parse_*\"\n"
				   "    max-pinned : 3\n"
				   "[process worker 1]\n"
				   "exe = */worker\n"
				   "max-frag = 40%\n";
	struct budgetfile file;
	struct complaint complaint;
	const struct budget *items;

	(void)state;
	assert_int_equal(read_text(text, &file, &complaint), 0);
	assert_int_equal(file.budgets.count, 5);
	items = file.budgets.items;
	assert_ptr_equal(items[1].gauge, gauge_find("max-peak"));
	assert_true(items[1].limit == 64.0 * (1 << 20));
	assert_int_equal(items[1].scope, BUDGET_RUN);
	assert_non_null(strstr(items[1].origin, ":3"));
	/* The pattern came after the first of the section's budgets. */
	assert_int_equal(items[2].scope, BUDGET_SITES);
	assert_string_equal(items[2].name, "parser");
	assert_string_equal(items[2].pattern, "parse_*");
	assert_string_equal(items[3].pattern, "parse_*");
	assert_int_equal(items[4].scope, BUDGET_PROCESS);
	assert_string_equal(items[4].name, "worker 1");
	assert_string_equal(items[4].pattern, "*/worker");
	assert_true(file.tolerance_given && file.tolerance == 0.1);
	assert_int_equal(file.baselines_count, 2);
	assert_string_equal(file.baselines[0], "/tmp/a.json");
	/* The other is meant from where the file is. */
	assert_non_null(strstr(file.baselines[1], "/b.json"));
	budgetfile_done(&file);
}

static void broken_files(void **state)
{
	static const struct {
		const char *text, *complaint;
	} files[] = {
		{"\nmax-peek = 1\n", "line 2: max-peek: no such key here"},
		{"max-peak = 1\nmax-peak = 2\n", "line 2: max-peak: given twice"},
		{"max-peak = lots\n",
		 "line 1: max-peak: not understood; expected is a size"},
		{"max-frag = 120%\n", "line 1: max-frag: too large"},
		{"tolerance = -1\n", "line 1: tolerance: not understood"},
		{"max-peak\n", "line 1: neither KEY = VALUE"},
		{"[site a]\nmax-peak = 1\n", "line 1: match: missing"},
		{"[process a]\nmax-peak = 1\n", "line 1: exe: missing"},
		{"[site a]\nmatch = b\n\n[site c]\nmatch = d\nmax-peak = 1\n",
		 "line 1: site a: a section without a budget"},
		{"[site a]\nmatch = b\nmax-frag = 1%\n", "line 3: max-frag: call sites"},
		{"[site a]\nexe = b\n", "line 2: exe: no such key here"},
		{"[site a]\nmatch = b\ntolerance = 5%\n", "line 3: tolerance: no such key"},
		{"[sight a]\n", "line 1: sight a: no such section"},
		{"[site]\n", "line 1: site: no such section"},
		{"[[site]]\nmatch = a\n", "line 1: [site: no such section"},
		{"[site a\n", "line 1: a section without its ]"},
		{"[site a]\nmatch=a\nmax-peak=1\n[site a]\n",
		 "line 4: site a: given twice"},
		{"[site a]\nmatch =\n", "line 2: match: a pattern is missing"},
		{"baseline =\n", "line 1: baseline: a path is missing"},
	};
	struct budgetfile file;
	struct complaint complaint;

	(void)state;
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		assert_int_equal(read_text(files[i].text, &file, &complaint), -EINVAL);
		if (!strstr(complaint.text, files[i].complaint))
			fail_msg("\"%s\" is not \"%s\"", complaint.text,
				 files[i].complaint);
	}
	assert_int_equal(budgetfile_read("/nonexistent/x", &file, &complaint), -ENOENT);
	assert_int_equal(budgetfile_read("/", &file, &complaint), -EISDIR);
}

static void a_line_without_end(void **state)
{
	char text[5000];
	struct budgetfile file;
	struct complaint complaint;

	(void)state;
	memset(text, 'x', sizeof(text));
	memcpy(text, "max-peak = 1\nmax-leaked = ", 26);
	text[sizeof(text) - 1] = '\0';
	assert_int_equal(read_text(text, &file, &complaint), -EINVAL);
	assert_string_equal(complaint.text, "line 2: a line that is too long");
}

static void patterns(void **state)
{
	struct measured_frame frames[] = {
		{.function = "operator new(unsigned long)"},
		{.function = "json::parse_node(std::string const&)"},
		{.function = "main"},
		{.function = "_start"},
	};
	struct measured_site site = {.id = 0xabc,
				     .frames = frames,
				     .frames_count = 4,
				     .shown_begin = 1,
				     .shown_end = 3};
	struct measured_process process = {.exe = "/usr/bin/worker-3"};

	(void)state;
	assert_true(sitepattern_fits("json::parse_*", &site));
	assert_true(sitepattern_fits("*::parse_node", &site));
	assert_true(sitepattern_fits("main", &site));
	assert_true(sitepattern_fits("0000000000000abc", &site));
	assert_false(sitepattern_fits("parse_node", &site));
	assert_false(sitepattern_fits("operator new*", &site));
	assert_false(sitepattern_fits("_start", &site));
	assert_true(sitepattern_fits_process("worker-?", &process));
	assert_true(sitepattern_fits_process("/usr/*/worker*", &process));
	assert_false(sitepattern_fits_process("worker", &process));
}

static struct verdict verdict_of(enum verdict_status status, const char *name)
{
	struct verdict verdict = {.status = status,
				  .gauge = gauge_find("max-peak"),
				  .subject = strdup(name),
				  .origin = strdup("-"),
				  .name = strdup(name)};

	return verdict;
}

static void order_of_verdicts(void **state)
{
	static const enum verdict_status statuses[] = {VERDICT_PASSED, VERDICT_FAILED,
						       VERDICT_PASSED, VERDICT_FAILED};
	static const char *const names[] = {"a", "b", "c", "d"};
	struct verdicts verdicts;

	(void)state;
	verdicts_init(&verdicts);
	assert_int_equal(verdicts_exit_status(&verdicts), 0);
	for (size_t i = 0; i < 4; i++) {
		struct verdict verdict = verdict_of(statuses[i], names[i]);

		assert_int_equal(verdicts_add(&verdicts, &verdict), 0);
	}
	assert_int_equal(verdicts_exit_status(&verdicts), 1);
	verdicts_sort(&verdicts);
	assert_string_equal(verdicts.items[0].name, "b");
	assert_string_equal(verdicts.items[1].name, "d");
	assert_string_equal(verdicts.items[2].name, "a");
	assert_string_equal(verdicts.items[3].name, "c");
	{
		struct verdict verdict = verdict_of(VERDICT_UNKNOWN, "e");

		assert_int_equal(verdicts_add(&verdicts, &verdict), 0);
	}
	assert_int_equal(verdicts_exit_status(&verdicts), 2);
	verdicts_done(&verdicts);
}

static void the_biggest_culprits(void **state)
{
	static const double values[] = {3, 9, 0, 1, 7, 5, 8, 2};
	struct measured_site sites[8];
	struct verdict verdict = {.culprits_count = 0};

	(void)state;
	for (size_t i = 0; i < 8; i++)
		verdict_blame(&verdict, &sites[i], values[i], NAN);
	assert_int_equal(verdict.culprits_count, VERDICT_CULPRITS);
	assert_ptr_equal(verdict.culprits[0].site, &sites[1]);
	assert_ptr_equal(verdict.culprits[1].site, &sites[6]);
	assert_ptr_equal(verdict.culprits[4].site, &sites[0]);
	/* By what it grew, where there is a baseline: 4 and 10. */
	verdict.culprits_count = 0;
	verdict_blame(&verdict, &sites[0], 104, 100);
	verdict_blame(&verdict, &sites[1], 20, 10);
	verdict_blame(&verdict, &sites[2], 50, 50);
	assert_int_equal(verdict.culprits_count, 2);
	assert_ptr_equal(verdict.culprits[0].site, &sites[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(quantities),
		cmocka_unit_test(no_quantities),
		cmocka_unit_test(a_file),
		cmocka_unit_test(broken_files),
		cmocka_unit_test(a_line_without_end),
		cmocka_unit_test(patterns),
		cmocka_unit_test(order_of_verdicts),
		cmocka_unit_test(the_biggest_culprits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
