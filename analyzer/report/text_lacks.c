/* SPDX-License-Identifier: MIT */
#include "text_lacks.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "measured.h"
#include "printable.h"
#include "side.h"
#include "text_process.h"

/* There are few reasons. */
#define REASONS_MAX 16u

struct reason {
	const char *why;
	const struct measured_process *first;
	size_t processes;
};

static void count_process(const struct measured_process *process,
			  struct reason reasons[static REASONS_MAX], size_t *count)
{
	size_t i = 0;

	if (!process->lacks)
		return;
	while (i < *count && strcmp(reasons[i].why, process->lacks) != 0)
		i++;
	if (i == REASONS_MAX)
		return;
	if (i == *count)
		reasons[(*count)++] = (struct reason){process->lacks, process, 0};
	reasons[i].processes++;
}

static int print_reason(const struct terminal *terminal, const char *label,
			const char *name, const struct reason *reason)
{
	char *safe = printable_new(measured_program_name(reason->first));
	char several[48] = "";
	char *text = NULL;

	if (reason->processes > 1)
		snprintf(several, sizeof(several), "%zu processes, such as ",
			 reason->processes);
	if (!safe || asprintf(&text, "%s: %s%s, pid %ld: %s", name, several,
			      *safe ? safe : "?", reason->first->pid, reason->why) < 0)
		text = NULL;
	if (text)
		text_paragraph(terminal, label, text);
	free(safe);
	free(text);
	return text ? 0 : -ENOMEM;
}

int text_lacks(const struct terminal *terminal, const char *name, const struct side *side)
{
	struct reason reasons[REASONS_MAX];
	size_t count = 0;
	int error = 0;

	for (size_t i = 0; i < side->count; i++) {
		for (size_t j = 0; j < side->runs[i].count; j++)
			count_process(&side->runs[i].processes[j], reasons, &count);
	}
	for (size_t i = 0; !error && i < count; i++)
		error = print_reason(terminal, i ? "" : "not whole", name, &reasons[i]);
	return error;
}
