/* SPDX-License-Identifier: MIT */
#include "check_output.h"

#include <stddef.h>
#include <string.h>

check_output_fn *check_output_find(const char *name)
{
	static const struct {
		const char *name;
		check_output_fn *write;
	} formats[] = {
		{"text", check_text},	  {"json", check_json},
		{"junit", check_junit},	  {"sarif", check_sarif},
		{"github", check_github}, {"markdown", check_markdown},
	};

	for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
		if (!strcmp(name, formats[i].name))
			return formats[i].write;
	}
	return NULL;
}
