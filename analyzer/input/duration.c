/* SPDX-License-Identifier: MIT */
#include "duration.h"

#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

bool duration_parse(const char *text, uint64_t *ret_ns)
{
	static const struct {
		const char *name;
		double ns;
	} units[] = {{"", 1e9},	  {"s", 1e9},	 {"ms", 1e6},	{"us", 1e3},
		     {"m", 60e9}, {"min", 60e9}, {"h", 3600e9}, {"d", 86400e9}};
	const size_t number = strspn(text, "0123456789.");
	char *end;
	double value = strtod(text, &end);

	/* strtod would also take spaces, signs, hexadecimal digits and infinity. */
	if (number == 0 || end != text + number)
		return false;
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (strcmp(end, units[i].name) != 0)
			continue;
		value *= units[i].ns;
		*ret_ns = value < 9.2e18 ? (uint64_t)llround(value) : INT64_MAX;
		return true;
	}
	return false;
}
