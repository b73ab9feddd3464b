/* SPDX-License-Identifier: MIT */
#include "quantity.h"

#include <errno.h>
#include <math.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>

/* Above this, doubles no longer tell neighbours apart. */
#define MOST 9007199254740992.0
#define DIGITS "0123456789"

struct unit_name {
	const char *name;
	double factor;
};

static const struct unit_name byte_units[] = {
	{"", 1},       {"b", 1},	{"k", 0x1p10},	 {"kib", 0x1p10}, {"m", 0x1p20},
	{"g", 0x1p30}, {"mib", 0x1p20}, {"gib", 0x1p30}, {"t", 0x1p40},	  {"tib", 0x1p40},
	{"kb", 1e3},   {"mb", 1e6},	{"gb", 1e9},	 {"tb", 1e12},	  {NULL, 0},
};
static const struct unit_name count_units[] = {
	{"", 1}, {"k", 1e3}, {"m", 1e6}, {"g", 1e9}, {NULL, 0}};
static const struct unit_name ratio_units[] = {{"", 1}, {"%", 0.01}, {NULL, 0}};

static const struct unit_name *units_of(enum quantity_unit unit)
{
	switch (unit) {
	case QUANTITY_BYTES:
		return byte_units;
	case QUANTITY_COUNT:
		return count_units;
	default:
		return ratio_units;
	}
}

/* Digits with a point among them, as an integer and the power of ten that divides it: so
 * that 0.3 and 30% are the same number. (strtod goes by the locale.) Returns where the
 * number ends, or NULL where there is none. */
static const char *read_number(const char *text, double *ret_integer, int *ret_places)
{
	double integer = 0;
	int places = 0;
	size_t digits = 0;
	int point = 0;

	for (; *text; text++) {
		if (*text == '.' && !point) {
			point = 1;
			continue;
		}
		if (!strchr(DIGITS, *text))
			break;
		integer = integer * 10 + (*text - '0');
		places += point;
		digits++;
		if (digits > 15)
			return NULL;
	}
	if (digits == 0)
		return NULL;
	*ret_integer = integer;
	*ret_places = places;
	return text;
}

int quantity_parse(const char *text, enum quantity_unit unit, double *ret_value)
{
	const struct unit_name *name = units_of(unit);
	double value;
	int places;
	const char *end = read_number(text, &value, &places);

	if (!end)
		return -EINVAL;
	while (*end == ' ')
		end++;
	while (name->name && strcasecmp(name->name, end) != 0)
		name++;
	if (!name->name)
		return -EINVAL;
	if (name->factor < 1)
		places += 2;
	else
		value *= name->factor;
	value /= pow(10, places);
	if (value > MOST || (unit == QUANTITY_RATIO && value > 1))
		return -ERANGE;
	/* Half a byte is nothing to go by; a fraction of a size is rounded down. */
	if (unit == QUANTITY_BYTES || unit == QUANTITY_COUNT)
		value = floor(value);
	*ret_value = value;
	return 0;
}

const char *quantity_example(enum quantity_unit unit)
{
	switch (unit) {
	case QUANTITY_BYTES:
		return "a size such as 64MiB, 1.5G or 0";
	case QUANTITY_COUNT:
		return "a count such as 25000 or 10k";
	case QUANTITY_RATIO:
		return "a ratio such as 0.3 or 30%";
	default:
		return "a share such as 5% or 0.05";
	}
}
