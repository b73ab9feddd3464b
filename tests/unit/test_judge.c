/* SPDX-License-Identifier: MIT */
/* Verdicts on runs that are made by hand: budgets, baselines and their noise, programs that
 * come and go, recordings that are not whole; and what each format writes of them. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "budget.h"
#include "check_output.h"
#include "comparison.h"
#include "gauge.h"
#include "judge.h"
#include "measured.h"
#include "nextcommand.h"
#include "side.h"
#include "verdict.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define RUNS_MOST 4

/* A side of runs of one or two programs, with a call site each. */
struct fake {
	struct measured_frame frames[2];
	struct measured_site sites[RUNS_MOST][2];
	struct measured_process processes[RUNS_MOST][2];
	struct measured_run runs[RUNS_MOST];
	struct side side;
};

static void set_site(struct measured_site *site, struct measured_frame *frame, double peak,
		     double leaked)
{
	*site = (struct measured_site){.id = 0xabc,
				       .frames = frame,
				       .frames_count = 1,
				       .shown_end = 1,
				       .measures = measures_unknown()};
	site->measures.values[MEASURE_PEAK] = peak;
	site->measures.values[MEASURE_LEAKED] = leaked;
}

/* Adds a process of `exe` to the last run, or to a new one. */
static void add(struct fake *fake, bool new_run, const char *exe, double peak,
		double leaked)
{
	struct measured_process *process;
	struct measured_run *run;
	size_t at;

	fake->side.count += new_run;
	at = fake->side.count - 1;
	assert_true(at < RUNS_MOST);
	run = &fake->runs[at];
	fake->side.runs = fake->runs;
	run->path = "some run.mft";
	run->processes = fake->processes[at];
	process = &run->processes[run->count];
	fake->frames[run->count].function = run->count ? "other_site" : "site";
	fake->frames[run->count].file = "src/a.c";
	fake->frames[run->count].line = 12;
	fake->frames[run->count].module = exe;
	set_site(&fake->sites[at][run->count], &fake->frames[run->count], peak, leaked);
	process->exe = exe;
	process->dump = "d.mft";
	process->pid = 7;
	process->measures = measures_unknown();
	process->measures.values[MEASURE_PEAK] = peak;
	process->measures.values[MEASURE_LEAKED] = leaked;
	process->sites = &fake->sites[at][run->count];
	process->sites_count = 1;
	run->count++;
}

/* Strings are compared by address within a side. */
static const char one[] = "/bin/one", two[] = "/bin/two";

static void judge(const struct fake *base, const struct fake *now, bool allow_missing,
		  struct verdicts *verdicts)
{
	const struct baseline_rule rule = {.tolerance = 0.05,
					   .allow_missing = allow_missing};
	struct comparison *comparison;

	verdicts_init(verdicts);
	assert_int_equal(comparison_new(&base->side, &now->side, &comparison), 0);
	assert_int_equal(
		judge_baseline(&base->side, &now->side, comparison, &rule, verdicts), 0);
	assert_int_equal(judge_recordings(&now->side, verdicts), 0);
	comparison_free(comparison);
}

static const struct verdict *named(const struct verdicts *verdicts, const char *name)
{
	for (size_t i = 0; i < verdicts->count; i++)
		if (strcmp(verdicts->items[i].name, name) == 0)
			return &verdicts->items[i];
	fail_msg("no verdict is called %s", name);
	return NULL;
}

static enum verdict_status status_of_peak(double base, double now)
{
	struct fake left = {.side.count = 0}, right = {.side.count = 0};
	enum verdict_status status;
	struct verdicts verdicts;

	add(&left, true, one, base, 0);
	add(&right, true, one, now, 0);
	judge(&left, &right, false, &verdicts);
	status = named(&verdicts, "one peak")->status;
	verdicts_done(&verdicts);
	return status;
}

static void tolerance_and_slack(void **state)
{
	(void)state;
	assert_int_equal(status_of_peak(1e6, 1.05e6), VERDICT_PASSED);
	assert_int_equal(status_of_peak(1e6, 1.0501e6), VERDICT_FAILED);
	assert_int_equal(status_of_peak(1e6, 1e5), VERDICT_PASSED);
	/* Up to 1 KiB more is nothing, whatever the share. */
	assert_int_equal(status_of_peak(100, 1124), VERDICT_PASSED);
	assert_int_equal(status_of_peak(100, 1125), VERDICT_FAILED);
}

static enum verdict_status status_of(enum measure measure, const char *name, double base,
				     double now)
{
	struct fake left = {.side.count = 0}, right = {.side.count = 0};
	enum verdict_status status;
	struct verdicts verdicts;

	add(&left, true, one, 1, 0);
	add(&right, true, one, 1, 0);
	left.processes[0][0].measures.values[measure] = base;
	right.processes[0][0].measures.values[measure] = now;
	judge(&left, &right, false, &verdicts);
	status = named(&verdicts, name)->status;
	verdicts_done(&verdicts);
	return status;
}

static void what_threads_decide_has_more_room(void **state)
{
	(void)state;
	assert_int_equal(status_of(MEASURE_RESIDENT, "one resident", 1e7, 1.25e7),
			 VERDICT_PASSED);
	assert_int_equal(status_of(MEASURE_RESIDENT, "one resident", 1e7, 1.2501e7),
			 VERDICT_FAILED);
	assert_int_equal(status_of(MEASURE_FRAGMENTATION, "one frag", 0.5, 0.6),
			 VERDICT_PASSED);
	assert_int_equal(status_of(MEASURE_FRAGMENTATION, "one frag", 0.5, 0.61),
			 VERDICT_FAILED);
}

static void noise_is_no_growth(void **state)
{
	struct fake base = {.side.count = 0}, now = {.side.count = 0};
	struct verdicts verdicts;

	(void)state;
	add(&base, true, one, 1e6, 0);
	add(&base, true, one, 2e6, 0);
	add(&base, true, one, 1.1e6, 0);
	add(&now, true, one, 1.9e6, 0);
	add(&now, true, one, 1.8e6, 0);
	judge(&base, &now, false, &verdicts);
	assert_int_equal(named(&verdicts, "one peak")->status, VERDICT_PASSED);
	assert_string_equal(named(&verdicts, "one peak")->note,
			    "in 3 runs of the baseline");
	verdicts_done(&verdicts);
}

static void a_leak_that_is_new(void **state)
{
	struct fake base = {.side.count = 0}, now = {.side.count = 0};
	struct verdicts verdicts;

	(void)state;
	/* Of two runs one does not leak: not a leak of all of them. */
	add(&base, true, one, 1e6, 0);
	add(&now, true, one, 1e6, 32);
	add(&now, true, one, 1e6, 0);
	judge(&base, &now, false, &verdicts);
	assert_int_equal(verdicts.failed, 0);
	verdicts_done(&verdicts);
	now.sites[1][0].measures.values[MEASURE_LEAKED] = 32;
	judge(&base, &now, false, &verdicts);
	assert_int_equal(verdicts.failed, 1);
	assert_int_equal(named(&verdicts, "one new leak 0000000000000abc")->kind,
			 VERDICT_NEW_LEAK);
	verdicts_done(&verdicts);
	/* One of the baseline's leaks there, too: it is none that is new. */
	base.sites[0][0].measures.values[MEASURE_LEAKED] = 1;
	judge(&base, &now, false, &verdicts);
	assert_int_equal(verdicts.failed, 0);
	verdicts_done(&verdicts);
}

static void a_program_that_vanished(void **state)
{
	struct fake base = {.side.count = 0}, now = {.side.count = 0};
	struct verdicts verdicts;

	(void)state;
	add(&base, true, one, 1e6, 0);
	add(&base, false, two, 1e6, 0);
	add(&now, true, one, 1e6, 0);
	for (int allowed = 0; allowed < 2; allowed++) {
		const struct verdict *missing;

		judge(&base, &now, allowed, &verdicts);
		missing = named(&verdicts, "two missing");
		assert_int_equal(missing->kind, VERDICT_MISSING);
		assert_int_equal(missing->status,
				 allowed ? VERDICT_PASSED : VERDICT_FAILED);
		assert_true(missing->base == 1 && missing->value == 0);
		assert_int_equal(verdicts_exit_status(&verdicts), allowed ? 0 : 1);
		verdicts_done(&verdicts);
	}
	/* A program that is new has grown from nothing. */
	judge(&now, &base, false, &verdicts);
	assert_int_equal(named(&verdicts, "two peak")->status, VERDICT_FAILED);
	assert_true(named(&verdicts, "two peak")->base == 0);
	verdicts_done(&verdicts);
}

static void other_programs_tell_nothing(void **state)
{
	struct fake base = {.side.count = 0}, now = {.side.count = 0};
	struct verdicts verdicts;

	(void)state;
	add(&base, true, "/bin/three", 1, 0);
	add(&base, false, "/bin/four", 1, 0);
	add(&now, true, one, 1, 0);
	judge(&base, &now, true, &verdicts);
	assert_int_equal(verdicts.unknown, 1);
	assert_int_equal(verdicts_exit_status(&verdicts), 2);
	verdicts_done(&verdicts);
	/* Where each side has one program only, it is the same under another name. */
	base.runs[0].count = 1;
	judge(&base, &now, true, &verdicts);
	assert_int_equal(verdicts.unknown, 0);
	verdicts_done(&verdicts);
}

static void leaks_with_a_scan_and_without(void **state)
{
	struct fake base = {.side.count = 0}, now = {.side.count = 0};
	struct verdicts verdicts;

	(void)state;
	add(&base, true, one, 1, 100);
	add(&now, true, one, 1, 200);
	now.processes[0][0].classified = true;
	judge(&base, &now, true, &verdicts);
	assert_int_equal(verdicts.failed, 0);
	assert_int_equal(named(&verdicts, "leaks comparable")->status, VERDICT_UNKNOWN);
	verdicts_done(&verdicts);
}

static void a_recording_that_is_not_whole(void **state)
{
	static const char *const what_to_do[][2] = {
		{"events were lost", "events were lost; record it again, or judge it as it "
				     "is by mftrace check --force"},
		{MEASURED_PAUSED, MEASURED_PAUSED "; record it without a pause, or judge "
						  "it as it is by mftrace check --force"},
	};
	struct fake base = {.side.count = 0}, now = {.side.count = 0};
	struct verdicts verdicts;

	(void)state;
	add(&base, true, one, 1, 0);
	add(&now, true, one, 1, 0);
	for (size_t i = 0; i < 2; i++) {
		const struct verdict *verdict;

		now.processes[0][0].lacks = what_to_do[i][0];
		judge(&base, &now, false, &verdicts);
		assert_int_equal(verdicts_exit_status(&verdicts), 2);
		verdict = named(&verdicts, "recording one");
		assert_string_equal(verdict->note, what_to_do[i][1]);
		assert_string_equal(verdict->next, "mftrace info 'some run.mft'");
		verdicts_done(&verdicts);
	}
}

static void budgets_of_several_processes(void **state)
{
	struct budget budget = {.gauge = gauge_find("max-leaked"),
				.limit = 100,
				.origin = (char[]){"--max-leaked"}};
	struct fake base = {.side.count = 0}, now = {.side.count = 0};
	struct comparison *comparison;
	struct verdicts verdicts;
	struct budgets budgets;

	(void)state;
	add(&now, true, one, 3000, 60);
	add(&now, false, two, 4000, 60);
	budgets_init(&budgets);
	verdicts_init(&verdicts);
	assert_int_equal(budgets_add(&budgets, &budget), 0);
	budget.gauge = gauge_find("max-peak");
	budget.limit = 4000;
	budget.origin = (char[]){"--max-peak"};
	assert_int_equal(budgets_add(&budgets, &budget), 0);
	budget.gauge = gauge_find("max-frag");
	assert_int_equal(budgets_add(&budgets, &budget), 0);
	assert_int_equal(comparison_new(&base.side, &now.side, &comparison), 0);
	assert_int_equal(judge_budgets(&now.side, comparison, &budgets, &verdicts), 0);
	/* Leaks are added up, peaks are not; what nobody tells is unknown. */
	assert_true(named(&verdicts, "max-leaked")->value == 120);
	assert_int_equal(named(&verdicts, "max-leaked")->status, VERDICT_FAILED);
	assert_int_equal(named(&verdicts, "max-leaked")->culprits_count, 2);
	assert_true(named(&verdicts, "max-peak")->value == 4000);
	assert_int_equal(named(&verdicts, "max-peak")->status, VERDICT_PASSED);
	assert_int_equal(named(&verdicts, "max-frag")->status, VERDICT_UNKNOWN);
	comparison_free(comparison);
	verdicts_done(&verdicts);
	budgets_done(&budgets);
}

static void a_budget_for_each_process(void **state)
{
	struct budget budget = {.gauge = gauge_find("max-leaked"),
				.limit = 100,
				.scope = BUDGET_PROCESS,
				.name = (char[]){"p"},
				.pattern = (char[]){"*"},
				.origin = (char[]){"-"}};
	struct fake base = {.side.count = 0}, now = {.side.count = 0};
	struct comparison *comparison;
	struct verdicts verdicts;
	struct budgets budgets;

	(void)state;
	add(&now, true, one, 1, 60);
	add(&now, false, two, 1, 70);
	budgets_init(&budgets);
	verdicts_init(&verdicts);
	assert_int_equal(budgets_add(&budgets, &budget), 0);
	assert_int_equal(comparison_new(&base.side, &now.side, &comparison), 0);
	assert_int_equal(judge_budgets(&now.side, comparison, &budgets, &verdicts), 0);
	assert_true(named(&verdicts, "process p max-leaked")->value == 70);
	assert_int_equal(verdicts.failed, 0);
	comparison_free(comparison);
	verdicts_done(&verdicts);
	budgets_done(&budgets);
}

/* How deep a function calls itself makes no other call site, and what one process does not
 * tell of it does not hide what another does. */
static void one_site_of_two_processes(void **state)
{
	struct measured_frame deep[] = {{.function = "f", .module = one},
					{.function = "f", .module = one},
					{.function = "main", .module = one}};
	struct fake base = {.side.count = 0}, now = {.side.count = 0};
	const struct comparison_site *site;
	struct comparison *comparison;

	(void)state;
	add(&base, true, one, 100, 0);
	add(&now, true, one, 100, 0);
	add(&now, false, one, NAN, 0);
	base.sites[0][0].frames = deep + 1;
	base.sites[0][0].shown_end = base.sites[0][0].frames_count = 2;
	for (size_t i = 0; i < 2; i++) {
		now.sites[0][i].frames = deep;
		now.sites[0][i].shown_end = now.sites[0][i].frames_count = 3;
	}
	assert_int_equal(comparison_new(&base.side, &now.side, &comparison), 0);
	assert_int_equal(comparison->count, 1);
	assert_int_equal(comparison->programs[0].sites_count, 1);
	site = &comparison->programs[0].sites[0];
	assert_int_equal(site->pairing, PAIRING_FINGERPRINT);
	assert_int_equal(site->now_bands[MEASURE_PEAK].runs, 1);
	assert_true(site->now_bands[MEASURE_PEAK].median == 100);
	comparison_free(comparison);
}

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
	for (size_t i = 0; i < COUNT(cases); i++) {
		text = nextcommand_new("peak", cases[i].path, NULL);
		assert_string_equal(text, cases[i].text);
		free(text);
	}
	text = nextcommand_new("diff", "a", "b c");
	assert_string_equal(text, "mftrace diff a 'b c'");
	free(text);
}

/* ---- Formats ------------------------------------------------------------------------ */

/* What a format writes of a failure at a site whose function has that name; the caller's.
 */
static char *written(const char *format, const char *function)
{
	struct fake base = {.side.count = 0}, now = {.side.count = 0};
	struct verdicts verdicts;
	char *text = NULL;
	size_t bytes;
	FILE *out = open_memstream(&text, &bytes);

	assert_non_null(out);
	add(&base, true, one, 1000, 0);
	add(&now, true, one, 1e6, 0);
	now.frames[0].function = function;
	judge(&base, &now, false, &verdicts);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tolerance_and_slack),
		cmocka_unit_test(what_threads_decide_has_more_room),
		cmocka_unit_test(noise_is_no_growth),
		cmocka_unit_test(a_leak_that_is_new),
		cmocka_unit_test(a_program_that_vanished),
		cmocka_unit_test(other_programs_tell_nothing),
		cmocka_unit_test(leaks_with_a_scan_and_without),
		cmocka_unit_test(a_recording_that_is_not_whole),
		cmocka_unit_test(budgets_of_several_processes),
		cmocka_unit_test(a_budget_for_each_process),
		cmocka_unit_test(one_site_of_two_processes),
		cmocka_unit_test(commands_to_copy),
		cmocka_unit_test(names_stay_in_their_place),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
