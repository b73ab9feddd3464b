/* SPDX-License-Identifier: MIT */
#include "paths.h"

#include <string.h>

#include "memory.h"

#define CAPACITY_FIRST 1024u
#define CAPACITY_MOST 8192u

/* Where memory could not be had, so many paths are left out before it is tried anew. */
#define REST 1000u

bool paths_reserve(struct paths *paths, uint32_t count)
{
	uint32_t capacity = paths->table ? paths->mask + 1 : 0;
	uint32_t wanted = capacity ? capacity * 2 : CAPACITY_FIRST;
	struct path *table = NULL;

	if (paths->count + count < capacity / 2 && paths->last_id < UINT32_MAX - count)
		return true;
	if (paths->rest) {
		paths->rest--;
		return false;
	}
	if (wanted <= CAPACITY_MOST)
		table = memory_map(wanted * sizeof(*table));
	if (!table && !capacity) {
		paths->rest = REST;
		return false;
	}
	if (!table) {
		paths_clear(paths);
		return true;
	}
	/* What was there comes again by itself. */
	if (capacity)
		memory_unmap(paths->table, capacity * sizeof(*table));
	*paths = (struct paths){.table = table, .mask = wanted - 1};
	return true;
}

struct path *paths_make(struct paths *paths, uint32_t before, uintptr_t slot,
			uint64_t address)
{
	struct path *path = paths_find(paths, before, slot, address);

	if (path->id == 0) {
		*path = (struct path){.address = address,
				      .slot = slot,
				      .id = ++paths->last_id,
				      .before = before};
		paths->count++;
	}
	return path;
}

void paths_clear(struct paths *paths)
{
	if (paths->count)
		memset(paths->table, 0, (paths->mask + 1) * sizeof(*paths->table));
	paths->count = 0;
	paths->last_id = 0;
}
