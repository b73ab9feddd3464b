/* SPDX-License-Identifier: MIT */
#include "pins.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define FRACTION_BITS 40

void pins_done(struct pins *pins)
{
	free(pins->sums);
	memset(pins, 0, sizeof(*pins));
}

int pins_make_room(struct pins *pins, size_t sites_count)
{
	size_t room = sites_count + sites_count / 2 + 16;
	pins_sum *sums;

	if (sites_count <= pins->room)
		return 0;
	sums = reallocarray(pins->sums, room, sizeof(*sums));
	if (!sums)
		return -ENOMEM;
	memset(sums + pins->room, 0, (room - pins->room) * sizeof(*sums));
	pins->sums = sums;
	pins->room = room;
	return 0;
}

/* One site's part, rounded to the nearest. */
static uint64_t part_of(const struct pins_entry *entry)
{
	return (((uint64_t)entry->free_bytes << FRACTION_BITS) + entry->parts / 2u) /
	       entry->parts;
}

void pins_enter(struct pins *pins, const uint32_t *sites, size_t count, uint32_t other,
		uint16_t free_bytes, struct pins_entry *ret_entry)
{
	struct pins_entry entry = {other, free_bytes, (uint16_t)count};
	bool is_listed = other == PINS_NO_SITE;
	uint64_t part;

	for (size_t i = 0; !is_listed && i < count; i++)
		is_listed = sites[i] == other;
	if (!is_listed)
		entry.parts++;
	*ret_entry = entry;
	if (entry.parts == 0)
		return;
	part = part_of(&entry);
	for (size_t i = 0; i < count; i++)
		pins->sums[sites[i]] += part;
	if (!is_listed)
		pins->sums[other] += part;
}

void pins_take_off(struct pins *pins, const uint32_t *sites, size_t count,
		   struct pins_entry *entry)
{
	uint64_t part;

	if (entry->parts == 0)
		return;
	part = part_of(entry);
	for (size_t i = 0; i < count; i++)
		pins->sums[sites[i]] -= part;
	if (entry->parts > count)
		pins->sums[entry->other] -= part;
	entry->parts = 0;
}

double pins_bytes(const struct pins *pins, size_t site)
{
	return (double)pins->sums[site] / (double)(1ull << FRACTION_BITS);
}
