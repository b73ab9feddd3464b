/* SPDX-License-Identifier: MIT */
#include "series.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ledger.h"
#include "profile.h"
#include "trend.h"

/* Programs that end sooner than 64 of these have no trend worth the name. */
#define FIRST_INTERVAL_NS 500000u

void series_init(struct series *series, uint64_t unit_ns, uint64_t start)
{
	memset(series, 0, sizeof(*series));
	series->interval = unit_ns < FIRST_INTERVAL_NS ? FIRST_INTERVAL_NS / unit_ns : 1;
	series->start = start;
	series->next = start + series->interval;
}

void series_done(struct series *series)
{
	free(series->row);
	free(series->rows);
	memset(series, 0, sizeof(*series));
}

static int make_room_for_sites(struct series *series, size_t sites)
{
	size_t room = sites + sites / 2 + 64;
	uint32_t *row;

	if (sites <= series->sites_room)
		return 0;
	row = reallocarray(series->row, room, sizeof(*row));
	if (!row)
		return -ENOMEM;
	memset(row + series->sites_room, 0, (room - series->sites_room) * sizeof(*row));
	series->row = row;
	series->sites_room = room;
	return 0;
}

/* A row of zeros: up to now the site held nothing at any instant. */
static int add_row(struct series *series, size_t site)
{
	size_t room = series->rows_room ? 2 * series->rows_room : 64;
	float(*rows)[SERIES_MOST] = series->rows;

	if (series->rows_count == series->rows_room) {
		rows = reallocarray(rows, room, sizeof(*rows));
		if (!rows)
			return -ENOMEM;
		series->rows = rows;
		series->rows_room = room;
	}
	memset(rows[series->rows_count], 0, sizeof(rows[0]));
	series->row[site] = (uint32_t)++series->rows_count;
	return 0;
}

static int note(struct series *series, const struct ledger *ledger)
{
	int r = make_room_for_sites(series, ledger->count);

	for (size_t i = 0; r == 0 && i < ledger->count; i++) {
		uint64_t bytes = ledger->sites[i].live_bytes;

		if (series->row[i] == 0) {
			if (bytes == 0)
				continue;
			r = add_row(series, i);
			if (r < 0)
				break;
		}
		series->rows[series->row[i] - 1][series->count] = (float)bytes;
	}
	return r;
}

/* The instants that stay are those of twice the interval: the second, the fourth, ... */
static void halve(struct series *series)
{
	for (size_t row = 0; row < series->rows_count; row++)
		for (uint32_t k = 0; k < SERIES_MOST / 2; k++)
			series->rows[row][k] = series->rows[row][2 * k + 1];
	series->count = SERIES_MOST / 2;
	series->interval *= 2;
	series->next = series->start + (series->count + 1) * series->interval;
}

int series_advance(struct series *series, uint64_t clock, const struct ledger *ledger)
{
	/* The last instant that there is, is not passed by any clock. */
	while (series_due(series, clock) && series->next != UINT64_MAX) {
		int r = note(series, ledger);

		if (r < 0)
			return r;
		series->next += series->interval;
		if (++series->count == SERIES_MOST)
			halve(series);
		/* A damaged dump may tell of any time. */
		if (series->interval > UINT64_MAX / (4 * SERIES_MOST))
			series->next = UINT64_MAX;
	}
	return 0;
}

void series_close(const struct series *series, uint64_t unit_ns, struct profile *profile)
{
	double interval_s = (double)series->interval * (double)unit_ns / 1e9;

	for (size_t i = 0; i < profile->sites_count && i < series->sites_room; i++)
		if (series->row[i] != 0)
			trend_find(series->rows[series->row[i] - 1], series->count,
				   interval_s, &profile->sites[i].trend);
}
