/* SPDX-License-Identifier: MIT */
#include "figure.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

struct figure figure_count(uint64_t count)
{
	struct figure figure;
	char digits[24];
	int length = snprintf(digits, sizeof(digits), "%" PRIu64, count);
	int i, out = 0;

	for (i = 0; i < length; i++) {
		if (i > 0 && (length - i) % 3 == 0)
			figure.text[out++] = ',';
		figure.text[out++] = digits[i];
	}
	figure.text[out] = '\0';
	return figure;
}

struct figure figure_number(double number)
{
	const double most = 0x1p63;

	if (!(number > 0))
		return figure_count(0);
	return figure_count(number < most ? (uint64_t)round(number) : (uint64_t)most);
}

struct figure figure_counted(uint64_t count, const char *noun)
{
	struct figure figure;

	snprintf(figure.text, sizeof(figure.text), "%.30s %.24s%s",
		 figure_count(count).text, noun, count == 1 ? "" : "s");
	return figure;
}

/* Three significant digits, so that columns of figures stay narrow. */
static void print_three_digits(struct figure *figure, double value, const char *unit)
{
	int decimals = value < 9.995 ? 2 : value < 99.95 ? 1 : 0;

	snprintf(figure->text, sizeof(figure->text), "%.*f %s", decimals, value, unit);
}

struct figure figure_bytes(double bytes)
{
	static const char *const units[] = {"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
	struct figure figure;
	unsigned unit = 0;

	if (bytes < 1023.5) {
		snprintf(figure.text, sizeof(figure.text), "%.30s B",
			 figure_number(bytes).text);
		return figure;
	}
	bytes /= 1024;
	while (bytes >= 999.5 && unit + 1 < sizeof(units) / sizeof(units[0])) {
		bytes /= 1024;
		unit++;
	}
	print_three_digits(&figure, bytes, units[unit]);
	return figure;
}

struct figure figure_share(double part, double whole)
{
	struct figure figure;
	double percent;

	if (!(whole > 0)) {
		snprintf(figure.text, sizeof(figure.text), "-");
		return figure;
	}
	percent = 100 * part / whole;
	if (part > 0 && percent < 0.05)
		snprintf(figure.text, sizeof(figure.text), "<0.1%%");
	else
		snprintf(figure.text, sizeof(figure.text), "%.1f%%", percent);
	return figure;
}

struct figure figure_duration(uint64_t time_ns)
{
	struct figure figure;
	uint64_t seconds = (uint64_t)llround((double)time_ns / 1e9);

	if (time_ns < 1000)
		snprintf(figure.text, sizeof(figure.text), "%" PRIu64 " ns", time_ns);
	else if (time_ns < 999500)
		print_three_digits(&figure, (double)time_ns / 1e3, "us");
	else if (time_ns < 999500000)
		print_three_digits(&figure, (double)time_ns / 1e6, "ms");
	else if (time_ns < 99950000000)
		print_three_digits(&figure, (double)time_ns / 1e9, "s");
	else if (seconds < 3600)
		snprintf(figure.text, sizeof(figure.text), "%u min %02u s",
			 (unsigned)(seconds / 60), (unsigned)(seconds % 60));
	else
		snprintf(figure.text, sizeof(figure.text), "%" PRIu64 " h %02u min",
			 seconds / 3600, (unsigned)(seconds / 60 % 60));
	return figure;
}
