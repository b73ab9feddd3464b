/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gauge.h"
#include "judge.h"
#include "measured.h"
#include "nextcommand.h"
#include "side.h"
#include "verdict.h"

static int not_whole(const struct measured_run *run, const struct measured_process *process,
		     struct verdicts *verdicts)
{
	struct verdict verdict = {.kind = VERDICT_RECORDING,
				  .status = VERDICT_UNKNOWN,
				  .gauge = gauge_of_recordings(),
				  .value = NAN,
				  .limit = NAN,
				  .base = NAN,
				  .origin = strdup(run->path)};

	if (asprintf(&verdict.subject, "%s, pid %ld", measured_program_name(process),
		     process->pid) < 0)
		verdict.subject = NULL;
	if (asprintf(&verdict.name, "recording %s", measured_program_name(process)) < 0)
		verdict.name = NULL;
	if (asprintf(&verdict.note,
		     "%s; record it %s, or judge it as it is by mftrace check --force",
		     process->lacks,
		     strcmp(process->lacks, MEASURED_PAUSED) == 0 ? "without a pause"
								  : "again") < 0)
		verdict.note = NULL;
	if (!run->stored)
		verdict.next = nextcommand_new("info", run->path, NULL);
	return verdicts_add(verdicts, &verdict);
}

int judge_recordings(const struct side *side, struct verdicts *verdicts)
{
	int error = 0;

	for (size_t i = 0; i < side->count; i++) {
		const struct measured_run *run = &side->runs[i];

		for (size_t j = 0; !error && j < run->count; j++) {
			if (run->processes[j].lacks)
				error = not_whole(run, &run->processes[j], verdicts);
		}
	}
	return error;
}
