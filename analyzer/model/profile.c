/* SPDX-License-Identifier: MIT */
#include "profile.h"

#include <stdlib.h>
#include <string.h>

static void free_strings(char **strings)
{
	if (!strings)
		return;
	for (char **s = strings; *s; s++)
		free(*s);
	free(strings);
}

void profile_depth_free(struct profile_depth *depth)
{
	if (!depth)
		return;
	free(depth->heaps);
	free(depth->stretches);
	free(depth->page_classes);
	free(depth);
}

void profile_free(struct profile *profile)
{
	if (!profile)
		return;
	free(profile->dump_path);
	free(profile->exe);
	free(profile->cwd);
	free_strings(profile->argv);
	free(profile->allocator);
	free_strings(profile->notices);
	for (size_t i = 0; i < profile->modules_count; i++)
		free(profile->modules[i].path);
	free(profile->modules);
	free(profile->frames);
	free(profile->sites);
	free(profile->snapshots);
	profile_depth_free(profile->depth);
	free(profile->damage);
	free(profile);
}

bool profile_is_glibc(const struct profile *profile)
{
	const char *path = profile->allocator, *slash = path ? strrchr(path, '/') : NULL;
	const char *name = slash ? slash + 1 : path;

	return name &&
	       (strncmp(name, "libc.so", 7) == 0 || strncmp(name, "libc-2", 6) == 0);
}

/* ---- Moments ----------------------------------------------------------------------- */

/* Below this the start-up of any program looks fragmented. */
#define TELLING_RESIDENT_BYTES (1u << 20)

static int rank(const struct profile_snapshot *s)
{
	if (s->resident_bytes >= TELLING_RESIDENT_BYTES)
		return 2;
	return s->reason == MFT_SNAPSHOT_EXIT;
}

static bool is_worse(const struct profile_snapshot *a, const struct profile_snapshot *b)
{
	if (rank(a) != rank(b))
		return rank(a) > rank(b);
	return (double)a->requested_bytes / (double)a->resident_bytes <
	       (double)b->requested_bytes / (double)b->resident_bytes;
}

bool profile_moment_takes(const struct profile_moment *moment,
			  const struct profile_snapshot *snapshots, size_t i, size_t best)
{
	const struct profile_snapshot *s = &snapshots[i];
	bool first = best == SIZE_MAX;

	switch (moment->kind) {
	case PROFILE_MOMENT_WORST:
		return s->resident_bytes > 0 && (first || is_worse(s, &snapshots[best]));
	case PROFILE_MOMENT_EXIT:
		return s->reason == MFT_SNAPSHOT_EXIT;
	case PROFILE_MOMENT_PEAK_LIVE:
		return first || s->requested_bytes > snapshots[best].requested_bytes;
	case PROFILE_MOMENT_PEAK_RESIDENT:
		return first || s->rss_bytes > snapshots[best].rss_bytes;
	case PROFILE_MOMENT_TIME:
		return first || s->time_ns <= moment->time_ns;
	case PROFILE_MOMENT_INDEX:
		break;
	}
	return i == moment->index;
}

size_t profile_find_moment(const struct profile *profile,
			   const struct profile_moment *moment)
{
	size_t best = SIZE_MAX;

	for (size_t i = 0; i < profile->snapshots_count; i++)
		if (profile_moment_takes(moment, profile->snapshots, i, best))
			best = i;
	return best;
}
