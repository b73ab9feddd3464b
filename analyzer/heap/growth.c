/* SPDX-License-Identifier: MIT */
#include "growth.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define TELLING_RESIDENT_BYTES (1u << 20)
#define TELLING_LOST_BYTES (64u << 10)
/* How far the ratio may fall within a stretch. */
#define SAG 0.005

void growth_done(struct growth *growth)
{
	free(growth->before);
	free(growth->last);
	free(growth->byte_seconds);
	memset(growth, 0, sizeof(*growth));
}

static int grow(double **array, size_t from, size_t to)
{
	double *moved = reallocarray(*array, to, sizeof(*moved));

	if (!moved)
		return -ENOMEM;
	memset(moved + from, 0, (to - from) * sizeof(*moved));
	*array = moved;
	return 0;
}

static int make_room(struct growth *growth, size_t sites_count)
{
	size_t room = sites_count + sites_count / 2 + 16;

	if (sites_count <= growth->room)
		return 0;
	if (grow(&growth->before, growth->room, room) < 0 ||
	    grow(&growth->last, growth->room, room) < 0 ||
	    grow(&growth->byte_seconds, growth->room, room) < 0)
		return -ENOMEM;
	growth->room = room;
	return 0;
}

/* The sites that grew most since the stretch began. */
static void find_sites(const struct growth *growth, struct profile_growth *stretch)
{
	for (unsigned k = 0; k < PROFILE_GROWTH_SITES; k++) {
		stretch->sites[k] = SIZE_MAX;
		stretch->bytes[k] = 0;
	}
	for (size_t site = 0; site < growth->room; site++) {
		double bytes = growth->last[site] - growth->before[site];
		unsigned k = PROFILE_GROWTH_SITES;

		if (bytes < 1)
			continue;
		for (; k > 0 && bytes > stretch->bytes[k - 1]; k--) {
			if (k == PROFILE_GROWTH_SITES)
				continue;
			stretch->bytes[k] = stretch->bytes[k - 1];
			stretch->sites[k] = stretch->sites[k - 1];
		}
		if (k < PROFILE_GROWTH_SITES) {
			stretch->bytes[k] = bytes;
			stretch->sites[k] = site;
		}
	}
}

static void end_stretch(struct growth *growth)
{
	uint64_t lost =
		growth->lost > growth->lost_before ? growth->lost - growth->lost_before : 0;
	struct profile_growth stretch = {growth->from, growth->to, lost, {0}, {0}};
	size_t k = growth->kept_count;

	if (growth->from == growth->to || lost < TELLING_LOST_BYTES)
		return;
	if (k == PROFILE_GROWTHS && lost <= growth->kept[k - 1].lost_bytes)
		return;
	find_sites(growth, &stretch);
	if (k == PROFILE_GROWTHS)
		k--;
	else
		growth->kept_count++;
	for (; k > 0 && growth->kept[k - 1].lost_bytes < lost; k--)
		growth->kept[k] = growth->kept[k - 1];
	growth->kept[k] = stretch;
}

static void begin_stretch(struct growth *growth, size_t i, double ratio, uint64_t lost)
{
	growth->open = true;
	growth->from = growth->to = i;
	growth->highest = ratio;
	growth->lost_before = growth->lost = lost;
}

static void add_time(struct growth *growth, uint64_t time_ns)
{
	double seconds = (double)(time_ns - growth->last_time_ns) / 1e9;

	for (size_t site = 0; site < growth->room; site++)
		growth->byte_seconds[site] += growth->last[site] * seconds;
	growth->last_time_ns = time_ns;
}

int growth_add(struct growth *growth, size_t i, const struct profile_snapshot *snapshot,
	       const double *pins, size_t sites_count)
{
	uint64_t f = snapshot->resident_bytes, r = snapshot->requested_bytes;
	double ratio = profile_fragmentation(snapshot);
	bool telling = f >= TELLING_RESIDENT_BYTES, ends, new_high;

	if (make_room(growth, sites_count + 1) < 0)
		return -ENOMEM;
	add_time(growth, snapshot->time_ns);
	ends = growth->open && (!telling || ratio < growth->highest - SAG);
	new_high = growth->open && !ends && ratio > growth->highest;
	if (ends) {
		/* What is pinned at its highest is known no more; now is near to it. */
		end_stretch(growth);
		growth->open = false;
	}
	if (sites_count > 0)
		memcpy(growth->last, pins, sites_count * sizeof(*pins));
	if (new_high) {
		growth->highest = ratio;
		growth->to = i;
		growth->lost = f > r ? f - r : 0;
	} else if (telling && !growth->open) {
		begin_stretch(growth, i, ratio, f > r ? f - r : 0);
		if (sites_count > 0)
			memcpy(growth->before, pins, sites_count * sizeof(*pins));
		memset(growth->before + sites_count, 0,
		       (growth->room - sites_count) * sizeof(*pins));
	}
	return 0;
}

void growth_close(struct growth *growth, uint64_t end_ns, struct profile *profile)
{
	if (growth->open)
		end_stretch(growth);
	growth->open = false;
	if (end_ns > growth->last_time_ns)
		add_time(growth, end_ns);
	for (size_t i = 0; i < profile->sites_count && i < growth->room; i++)
		profile->sites[i].pinned_byte_seconds = growth->byte_seconds[i];
	memcpy(profile->growths, growth->kept, sizeof(growth->kept));
	profile->growths_count = growth->kept_count;
}
