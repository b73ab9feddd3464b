/* SPDX-License-Identifier: MIT */
/* Verdicts on runs that are made by hand: budgets, baselines and their noise, programs that
 * come and go, recordings that are not whole. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "budget.h"
#include "comparison.h"
#include "fake_side.h"
#include "gauge.h"
#include "judge.h"
#include "measured.h"
#include "side.h"
#include "verdict.h"

static enum verdict_status status_of_peak(double base, double now)
{
	struct fake_side left = {.side.count = 0}, right = {.side.count = 0};
	enum verdict_status status;
	struct verdicts verdicts;

	fake_side_add(&left, true, fake_one, base, 0);
	fake_side_add(&right, true, fake_one, now, 0);
	fake_side_judge(&left, &right, false, &verdicts);
	status = fake_side_verdict(&verdicts, "one peak")->status;
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
	struct fake_side left = {.side.count = 0}, right = {.side.count = 0};
	enum verdict_status status;
	struct verdicts verdicts;

	fake_side_add(&left, true, fake_one, 1, 0);
	fake_side_add(&right, true, fake_one, 1, 0);
	left.processes[0][0].measures.values[measure] = base;
	right.processes[0][0].measures.values[measure] = now;
	fake_side_judge(&left, &right, false, &verdicts);
	status = fake_side_verdict(&verdicts, name)->status;
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
	struct fake_side base = {.side.count = 0}, now = {.side.count = 0};
	struct verdicts verdicts;

	(void)state;
	fake_side_add(&base, true, fake_one, 1e6, 0);
	fake_side_add(&base, true, fake_one, 2e6, 0);
	fake_side_add(&base, true, fake_one, 1.1e6, 0);
	fake_side_add(&now, true, fake_one, 1.9e6, 0);
	fake_side_add(&now, true, fake_one, 1.8e6, 0);
	fake_side_judge(&base, &now, false, &verdicts);
	assert_int_equal(fake_side_verdict(&verdicts, "one peak")->status, VERDICT_PASSED);
	assert_string_equal(fake_side_verdict(&verdicts, "one peak")->note,
			    "in 3 runs of the baseline");
	verdicts_done(&verdicts);
}

static void a_leak_that_is_new(void **state)
{
	struct fake_side base = {.side.count = 0}, now = {.side.count = 0};
	struct verdicts verdicts;

	(void)state;
	/* Of two runs one does not leak: not a leak of all of them. */
	fake_side_add(&base, true, fake_one, 1e6, 0);
	fake_side_add(&now, true, fake_one, 1e6, 32);
	fake_side_add(&now, true, fake_one, 1e6, 0);
	fake_side_judge(&base, &now, false, &verdicts);
	assert_int_equal(verdicts.failed, 0);
	verdicts_done(&verdicts);
	now.sites[1][0].measures.values[MEASURE_LEAKED] = 32;
	fake_side_judge(&base, &now, false, &verdicts);
	assert_int_equal(verdicts.failed, 1);
	assert_int_equal(
		fake_side_verdict(&verdicts, "one new leak 0000000000000abc")->kind,
		VERDICT_NEW_LEAK);
	verdicts_done(&verdicts);
	/* One of the baseline's leaks there, too: it is none that is new. */
	base.sites[0][0].measures.values[MEASURE_LEAKED] = 1;
	fake_side_judge(&base, &now, false, &verdicts);
	assert_int_equal(verdicts.failed, 0);
	verdicts_done(&verdicts);
}

static void a_program_that_vanished(void **state)
{
	struct fake_side base = {.side.count = 0}, now = {.side.count = 0};
	struct verdicts verdicts;

	(void)state;
	fake_side_add(&base, true, fake_one, 1e6, 0);
	fake_side_add(&base, false, fake_two, 1e6, 0);
	fake_side_add(&now, true, fake_one, 1e6, 0);
	for (int allowed = 0; allowed < 2; allowed++) {
		const struct verdict *missing;

		fake_side_judge(&base, &now, allowed, &verdicts);
		missing = fake_side_verdict(&verdicts, "two missing");
		assert_int_equal(missing->kind, VERDICT_MISSING);
		assert_int_equal(missing->status,
				 allowed ? VERDICT_PASSED : VERDICT_FAILED);
		assert_true(missing->base == 1 && missing->value == 0);
		assert_int_equal(verdicts_exit_status(&verdicts), allowed ? 0 : 1);
		verdicts_done(&verdicts);
	}
	/* A program that is new has grown from nothing. */
	fake_side_judge(&now, &base, false, &verdicts);
	assert_int_equal(fake_side_verdict(&verdicts, "two peak")->status, VERDICT_FAILED);
	assert_true(fake_side_verdict(&verdicts, "two peak")->base == 0);
	verdicts_done(&verdicts);
}

static void other_programs_tell_nothing(void **state)
{
	struct fake_side base = {.side.count = 0}, now = {.side.count = 0};
	struct verdicts verdicts;

	(void)state;
	fake_side_add(&base, true, "/bin/three", 1, 0);
	fake_side_add(&base, false, "/bin/four", 1, 0);
	fake_side_add(&now, true, fake_one, 1, 0);
	fake_side_judge(&base, &now, true, &verdicts);
	assert_int_equal(verdicts.unknown, 1);
	assert_int_equal(verdicts_exit_status(&verdicts), 2);
	verdicts_done(&verdicts);
	/* Where each side has one program only, it is the same under another name. */
	base.runs[0].count = 1;
	fake_side_judge(&base, &now, true, &verdicts);
	assert_int_equal(verdicts.unknown, 0);
	verdicts_done(&verdicts);
}

static void leaks_with_a_scan_and_without(void **state)
{
	struct fake_side base = {.side.count = 0}, now = {.side.count = 0};
	struct verdicts verdicts;

	(void)state;
	fake_side_add(&base, true, fake_one, 1, 100);
	fake_side_add(&now, true, fake_one, 1, 200);
	now.processes[0][0].classified = true;
	fake_side_judge(&base, &now, true, &verdicts);
	assert_int_equal(verdicts.failed, 0);
	assert_int_equal(fake_side_verdict(&verdicts, "leaks comparable")->status,
			 VERDICT_UNKNOWN);
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
	struct fake_side base = {.side.count = 0}, now = {.side.count = 0};
	struct verdicts verdicts;

	(void)state;
	fake_side_add(&base, true, fake_one, 1, 0);
	fake_side_add(&now, true, fake_one, 1, 0);
	for (size_t i = 0; i < 2; i++) {
		const struct verdict *verdict;

		now.processes[0][0].lacks = what_to_do[i][0];
		fake_side_judge(&base, &now, false, &verdicts);
		assert_int_equal(verdicts_exit_status(&verdicts), 2);
		verdict = fake_side_verdict(&verdicts, "recording one");
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
	struct fake_side base = {.side.count = 0}, now = {.side.count = 0};
	struct comparison *comparison;
	struct verdicts verdicts;
	struct budgets budgets;

	(void)state;
	fake_side_add(&now, true, fake_one, 3000, 60);
	fake_side_add(&now, false, fake_two, 4000, 60);
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
	assert_true(fake_side_verdict(&verdicts, "max-leaked")->value == 120);
	assert_int_equal(fake_side_verdict(&verdicts, "max-leaked")->status,
			 VERDICT_FAILED);
	assert_int_equal(fake_side_verdict(&verdicts, "max-leaked")->culprits_count, 2);
	assert_true(fake_side_verdict(&verdicts, "max-peak")->value == 4000);
	assert_int_equal(fake_side_verdict(&verdicts, "max-peak")->status, VERDICT_PASSED);
	assert_int_equal(fake_side_verdict(&verdicts, "max-frag")->status, VERDICT_UNKNOWN);
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
	struct fake_side base = {.side.count = 0}, now = {.side.count = 0};
	struct comparison *comparison;
	struct verdicts verdicts;
	struct budgets budgets;

	(void)state;
	fake_side_add(&now, true, fake_one, 1, 60);
	fake_side_add(&now, false, fake_two, 1, 70);
	budgets_init(&budgets);
	verdicts_init(&verdicts);
	assert_int_equal(budgets_add(&budgets, &budget), 0);
	assert_int_equal(comparison_new(&base.side, &now.side, &comparison), 0);
	assert_int_equal(judge_budgets(&now.side, comparison, &budgets, &verdicts), 0);
	assert_true(fake_side_verdict(&verdicts, "process p max-leaked")->value == 70);
	assert_int_equal(verdicts.failed, 0);
	comparison_free(comparison);
	verdicts_done(&verdicts);
	budgets_done(&budgets);
}

/* How deep a function calls itself makes no other call site, and what one process does not
 * tell of it does not hide what another does. */
static void one_site_of_two_processes(void **state)
{
	struct measured_frame deep[] = {{.function = "f", .module = fake_one},
					{.function = "f", .module = fake_one},
					{.function = "main", .module = fake_one}};
	struct fake_side base = {.side.count = 0}, now = {.side.count = 0};
	const struct comparison_site *site;
	struct comparison *comparison;

	(void)state;
	fake_side_add(&base, true, fake_one, 100, 0);
	fake_side_add(&now, true, fake_one, 100, 0);
	fake_side_add(&now, false, fake_one, NAN, 0);
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
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
