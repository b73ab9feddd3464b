/* SPDX-License-Identifier: MIT */
#include "made_report.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "complaint.h"
#include "replay.h"

int made_report_new(void **state, unsigned count, made_report_record *record)
{
	struct made_report *made = calloc(1, sizeof(*made));
	struct complaint complaint = {""};

	assert_non_null(made);
	assert_true(count <= MADE_REPORT_PROCESSES);
	made->count = count;
	family_init(&made->family);
	for (unsigned i = 0; i < count; i++) {
		struct profile *profile;

		scratch_open(&made->scratch[i]);
		record(made->scratch[i].path, i);
		assert_int_equal(replay_dump(made->scratch[i].path, NULL, NULL, &profile,
					     &complaint),
				 0);
		assert_int_equal(family_add(&made->family, profile), 0);
	}
	assert_int_equal(family_arrange(&made->family), 0);
	assert_int_equal(report_init(&made->report, &made->family, REPORT_ALL, "DUMP"), 0);
	*state = made;
	return 0;
}

int made_report_free(void **state)
{
	struct made_report *made = *state;

	free(made->text);
	report_done(&made->report);
	family_done(&made->family);
	for (unsigned i = 0; i < made->count; i++)
		scratch_close(&made->scratch[i]);
	free(made);
	return 0;
}

const char *made_report_export(struct made_report *made, const char *name,
			       enum export_metric metric)
{
	const struct export_format *format = export_find_format(name);
	FILE *out;

	assert_non_null(format);
	free(made->text);
	made->text = NULL;
	out = open_memstream(&made->text, &made->bytes);
	assert_non_null(out);
	assert_int_equal(format->write(&made->report, metric, out), 0);
	assert_int_equal(fclose(out), 0);
	return made->text;
}

void made_report_has(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("there is no \"%s\" in:\n%s", part, text);
}
