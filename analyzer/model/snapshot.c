/* SPDX-License-Identifier: MIT */
#include "snapshot.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* No program's memory lies in the upper half of the addresses; sums below it are safe. */
#define ADDRESS_MAX (UINT64_MAX / 2)

void snapshot_done(struct snapshot *snapshot)
{
	free(snapshot->mappings);
	free(snapshot->runs);
	free(snapshot->threads);
	memset(snapshot, 0, sizeof(*snapshot));
}

int snapshot_begin(struct snapshot *snapshot, struct mft_bytes payload)
{
	int r = mft_decode_snapshot(payload, &snapshot->head);

	snapshot->open = r == 0;
	snapshot->mappings_count = 0;
	snapshot->runs_count = 0;
	memset(snapshot->other_bytes, 0, sizeof(snapshot->other_bytes));
	snapshot->threads_count = 0;
	snapshot->threads_known = false;
	return r;
}

static int add_run(struct snapshot *snapshot, size_t first, uint64_t start, uint64_t end)
{
	struct snapshot_run *last = NULL;

	if (start == end)
		return 0;
	if (snapshot->runs_count > first)
		last = &snapshot->runs[snapshot->runs_count - 1];
	if (last && last->end == start) {
		last->end = end;
		return 0;
	}
	if (snapshot->runs_count == snapshot->runs_room) {
		size_t room = snapshot->runs_room ? 2 * snapshot->runs_room : 64;
		struct snapshot_run *runs =
			reallocarray(snapshot->runs, room, sizeof(*runs));

		if (!runs)
			return -ENOMEM;
		snapshot->runs = runs;
		snapshot->runs_room = room;
	}
	snapshot->runs[snapshot->runs_count++] = (struct snapshot_run){start, end};
	return 0;
}

/* Turns page counts into addresses. `first`: the mapping's first run. */
static int add_runs(struct snapshot *snapshot, size_t first, uint32_t page_bytes,
		    const struct mft_snapshot_map *map)
{
	uint64_t at = map->start, end = map->start + map->length, absent, present;
	struct mft_bytes runs = map->runs;
	int r;

	while ((r = mft_next_run(&runs, &absent, &present)) > 0) {
		if (absent > (end - at) / page_bytes)
			return -EBADMSG;
		at += absent * page_bytes;
		if (present > (end - at) / page_bytes)
			return -EBADMSG;
		r = add_run(snapshot, first, at, at + present * page_bytes);
		if (r < 0)
			return r;
		at += present * page_bytes;
	}
	return r;
}

static struct snapshot_mapping *add_mapping(struct snapshot *snapshot,
					    const struct mft_snapshot_map *map)
{
	struct snapshot_mapping *mapping = NULL;

	if (snapshot->mappings_count > 0) {
		mapping = &snapshot->mappings[snapshot->mappings_count - 1];
		if (mapping->end == map->start && mapping->kind == map->kind)
			return mapping;
	}
	if (snapshot->mappings_count == snapshot->mappings_room) {
		size_t room = snapshot->mappings_room ? 2 * snapshot->mappings_room : 16;

		mapping = reallocarray(snapshot->mappings, room, sizeof(*mapping));
		if (!mapping)
			return NULL;
		snapshot->mappings = mapping;
		snapshot->mappings_room = room;
	}
	mapping = &snapshot->mappings[snapshot->mappings_count++];
	*mapping = (struct snapshot_mapping){
		.start = map->start,
		.end = map->start,
		.kind = map->kind,
		.first_run = snapshot->runs_count,
	};
	return mapping;
}

/* Whether a part can follow what was taken in. */
static bool makes_sense(const struct snapshot *snapshot, uint32_t page_bytes,
			const struct mft_snapshot_map *map)
{
	if (map->start % page_bytes || map->length % page_bytes ||
	    map->start > ADDRESS_MAX || map->length > ADDRESS_MAX - map->start ||
	    map->resident_bytes > map->length)
		return false;
	return snapshot->mappings_count == 0 ||
	       snapshot->mappings[snapshot->mappings_count - 1].end <= map->start;
}

static int add(struct snapshot *snapshot, uint32_t page_bytes,
	       const struct mft_snapshot_map *map)
{
	struct snapshot_mapping *mapping;
	int r = 0;

	if (!makes_sense(snapshot, page_bytes, map))
		return -EBADMSG;
	mapping = add_mapping(snapshot, map);
	if (!mapping)
		return -ENOMEM;
	if (map->runs.length > 0 || map->resident_bytes == 0)
		r = add_runs(snapshot, mapping->first_run, page_bytes, map);
	else if (map->resident_bytes == map->length)
		r = add_run(snapshot, mapping->first_run, map->start,
			    map->start + map->length);
	else
		mapping->unplaced_bytes += map->resident_bytes;
	mapping->end = map->start + map->length;
	mapping->runs = snapshot->runs_count - mapping->first_run;
	return r;
}

static int add_sum(struct snapshot *snapshot, const struct mft_snapshot_map *map)
{
	if (map->resident_bytes > map->length || map->length > ADDRESS_MAX)
		return -EBADMSG;
	/* A newer minor version may know other kinds. */
	if (map->kind < SNAPSHOT_KINDS)
		snapshot->other_bytes[map->kind] += map->resident_bytes;
	return 0;
}

int snapshot_add(struct snapshot *snapshot, uint32_t page_bytes, struct mft_bytes payload)
{
	struct mft_snapshot_map map;
	int r = -EBADMSG;

	if (!snapshot->open)
		return r;
	r = mft_decode_snapshot_map(payload, &map);
	if (r == 0 && (map.kind == MFT_MAP_BRK || map.kind == MFT_MAP_ANON))
		r = add(snapshot, page_bytes, &map);
	else if (r == 0)
		r = add_sum(snapshot, &map);
	/* Without one of its parts it would tell of a smaller heap than there was. */
	if (r < 0)
		snapshot->open = false;
	return r;
}

int snapshot_add_threads(struct snapshot *snapshot, struct mft_bytes payload)
{
	int32_t tid;
	int r;

	if (!snapshot->open)
		return -EBADMSG;
	while ((r = mft_next_thread(&payload, &tid)) > 0) {
		if (snapshot->threads_count == snapshot->threads_room) {
			size_t room =
				snapshot->threads_room ? 2 * snapshot->threads_room : 64;
			int32_t *threads =
				reallocarray(snapshot->threads, room, sizeof(*threads));

			if (!threads)
				return -ENOMEM;
			snapshot->threads = threads;
			snapshot->threads_room = room;
		}
		snapshot->threads[snapshot->threads_count++] = tid;
	}
	snapshot->threads_known = r == 0;
	return r;
}

static int compare_threads(const void *a, const void *b)
{
	int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;

	return x < y ? -1 : x > y;
}

bool snapshot_end(struct snapshot *snapshot)
{
	bool complete = snapshot->open;

	if (complete && snapshot->threads_count > 1)
		qsort(snapshot->threads, snapshot->threads_count,
		      sizeof(*snapshot->threads), compare_threads);
	snapshot->open = false;
	return complete;
}

bool snapshot_has_thread(const struct snapshot *snapshot, int32_t tid)
{
	return snapshot->threads_count > 0 &&
	       bsearch(&tid, snapshot->threads, snapshot->threads_count, sizeof(tid),
		       compare_threads) != NULL;
}
