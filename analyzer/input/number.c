/* SPDX-License-Identifier: MIT */
#include "number.h"

bool number_parse(const char *text, uint64_t least, uint64_t most, uint64_t *ret_number)
{
	uint64_t number = 0;
	const char *p;

	for (p = text; *p >= '0' && *p <= '9'; p++) {
		if (__builtin_mul_overflow(number, 10, &number) ||
		    __builtin_add_overflow(number, (uint64_t)(*p - '0'), &number))
			return false;
	}
	if (p == text || *p || number < least || number > most)
		return false;
	*ret_number = number;
	return true;
}

bool number_parse_id(const char *text, int32_t *ret_id)
{
	uint64_t number;

	if (!number_parse(text, 1, INT32_MAX, &number))
		return false;
	*ret_id = (int32_t)number;
	return true;
}
