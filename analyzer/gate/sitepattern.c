/* SPDX-License-Identifier: MIT */
#include "sitepattern.h"

#include <fnmatch.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fingerprint.h"
#include "measured.h"
#include "pathname.h"

/* C++ and Rust names have much that a pattern need not tell. Where memory is short, it has
 * to be told. */
static bool fits_without_trimmings(const char *pattern, const char *function)
{
	char *key = fingerprint_function_new(function);
	char *family = key ? fingerprint_untemplated_new(key) : NULL;
	bool fits = (key && fnmatch(pattern, key, 0) == 0) ||
		    (family && fnmatch(pattern, family, 0) == 0);

	free(family);
	free(key);
	return fits;
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
				 fits_without_trimmings(pattern, function)))
			return true;
	}
	return false;
}

bool sitepattern_fits_process(const char *pattern, const struct measured_process *process)
{
	return fnmatch(pattern, process->exe, 0) == 0 ||
	       fnmatch(pattern, pathname_base(process->exe), 0) == 0;
}
