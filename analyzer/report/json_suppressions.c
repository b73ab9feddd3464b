/* SPDX-License-Identifier: MIT */
#include "json_suppressions.h"

#include <errno.h>

#include <jansson.h>

#include "json_process.h"
#include "suppressions.h"

static json_t *entry(const struct suppression *rule)
{
	const char *syntax = !rule->origin			? "builtin"
			     : rule->syntax == SUPPRESSION_LSAN ? "lsan"
								: "valgrind";

	return json_pack("{s:o,s:s,s:o,s:o,s:I,s:I,s:I}", "name", json_text(rule->name),
			 "syntax", syntax, "file",
			 rule->origin ? json_text(rule->origin) : json_null(), "line",
			 rule->origin ? json_integer(rule->line) : json_null(), "bytes",
			 (json_int_t)rule->bytes, "blocks", (json_int_t)rule->blocks,
			 "call_stacks", (json_int_t)rule->sites);
}

int json_suppressions(const struct suppressions *suppressions, FILE *out)
{
	json_t *array = json_array();
	struct suppression rule;
	size_t next = 0;
	int error = 0;

	if (!array)
		return -ENOMEM;
	while (!error && suppressions && suppressions_next(suppressions, &next, &rule)) {
		if (json_array_append_new(array, entry(&rule)) < 0)
			error = -ENOMEM;
	}
	if (!error && json_dumpf(array, out, JSON_COMPACT | JSON_ENSURE_ASCII) < 0)
		error = -ENOMEM;
	json_decref(array);
	return error;
}
