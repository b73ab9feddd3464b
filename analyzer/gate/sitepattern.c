/* SPDX-License-Identifier: MIT */
#include "sitepattern.h"

#include <fnmatch.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "measured.h"

/* C++ names have parameters, which a pattern need not tell. */
static bool fits_without_parameters(const char *pattern, const char *function)
{
	const char *parameters = strchr(function, '(');
	char name[512];

	if (!parameters || parameters == function ||
	    (size_t)(parameters - function) >= sizeof(name))
		return false;
	snprintf(name, sizeof(name), "%.*s", (int)(parameters - function), function);
	return fnmatch(pattern, name, 0) == 0;
}

bool sitepattern_fits(const char *pattern, const struct measured_site *site)
{
	char id[17];

	snprintf(id, sizeof(id), "%016" PRIx64, site->id);
	if (!strcmp(id, pattern))
		return true;
	for (size_t i = site->shown_begin; i < site->shown_end; i++) {
		const char *function = site->frames[i].function;

		if (function && (fnmatch(pattern, function, 0) == 0 ||
				 fits_without_parameters(pattern, function)))
			return true;
	}
	return false;
}

bool sitepattern_fits_process(const char *pattern, const struct measured_process *process)
{
	const char *slash = strrchr(process->exe, '/');

	return fnmatch(pattern, process->exe, 0) == 0 ||
	       (slash && fnmatch(pattern, slash + 1, 0) == 0);
}
