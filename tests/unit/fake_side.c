/* SPDX-License-Identifier: MIT */
#include "fake_side.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "comparison.h"
#include "judge.h"

const char fake_one[] = "/bin/one", fake_two[] = "/bin/two";

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

void fake_side_add(struct fake_side *fake, bool new_run, const char *exe, double peak,
		   double leaked)
{
	struct measured_process *process;
	struct measured_run *run;
	size_t at;

	fake->side.count += new_run;
	at = fake->side.count - 1;
	assert_true(at < FAKE_RUNS_MOST);
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

void fake_side_judge(const struct fake_side *base, const struct fake_side *now,
		     bool allow_missing, struct verdicts *verdicts)
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

const struct verdict *fake_side_verdict(const struct verdicts *verdicts, const char *name)
{
	for (size_t i = 0; i < verdicts->count; i++)
		if (strcmp(verdicts->items[i].name, name) == 0)
			return &verdicts->items[i];
	fail_msg("no verdict is called %s", name);
	return NULL;
}
