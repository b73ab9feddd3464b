/* SPDX-License-Identifier: MIT */
#include "profile.h"

#include <stdlib.h>
#include <string.h>

#include "pathname.h"

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
	free(profile->cuts);
	for (size_t i = 0; i < profile->thread_list_count; i++)
		free(profile->thread_list[i].name);
	free(profile->thread_list);
	free(profile->frames);
	free(profile->sites);
	free(profile->snapshots);
	profile_depth_free(profile->depth);
	free(profile->leaks.cycles);
	free(profile->leaks.blocks);
	free(profile->leaks.roots);
	free(profile->damage);
	free(profile);
}

double profile_fragmentation(const struct profile_snapshot *snapshot)
{
	const double f = (double)snapshot->resident_bytes;
	const double r = (double)snapshot->requested_bytes;

	return f > r ? 1 - r / f : 0;
}

bool profile_is_glibc(const struct profile *profile)
{
	const char *name = profile->allocator ? pathname_base(profile->allocator) : NULL;

	return name &&
	       (strncmp(name, "libc.so", 7) == 0 || strncmp(name, "libc-2", 6) == 0);
}

/* ---- Leaks ------------------------------------------------------------------------- */

static void move(struct profile_amount *from, struct profile_amount *to,
		 const struct profile_amount *amount)
{
	from->bytes -= amount->bytes;
	from->blocks -= amount->blocks;
	to->bytes += amount->bytes;
	to->blocks += amount->blocks;
}

void profile_suppress(struct profile *profile, size_t site, unsigned kinds,
		      struct profile_amount *ret_moved)
{
	struct profile_amount *totals = profile->leaks.totals;
	struct profile_amount *of_site = profile->sites[site].leaks;
	struct profile_amount moved = {0, 0};

	for (unsigned kind = 0; kind < PROFILE_LEAK_KINDS; kind++) {
		struct profile_amount amount = of_site[kind];

		if (!(kinds & 1u << kind) || kind == PROFILE_LEAK_SUPPRESSED)
			continue;
		move(&totals[kind], &totals[PROFILE_LEAK_SUPPRESSED], &amount);
		move(&of_site[kind], &of_site[PROFILE_LEAK_SUPPRESSED], &amount);
		moved.bytes += amount.bytes;
		moved.blocks += amount.blocks;
	}
	if (kinds & 1u << PROFILE_LEAK_DEFINITE)
		profile->sites[site].retained = (struct profile_amount){0, 0};
	*ret_moved = moved;
}

const char *profile_reason_name(uint32_t reason)
{
	static const char *const names[] = {
		[MFT_SNAPSHOT_EXIT] = "exit",
		[MFT_SNAPSHOT_PEAK_LIVE] = "peak_live",
		[MFT_SNAPSHOT_PEAK_RESIDENT] = "peak_resident",
		[MFT_SNAPSHOT_INTERVAL] = "interval",
		[MFT_SNAPSHOT_REQUEST] = "request",
	};

	return reason < sizeof(names) / sizeof(names[0]) ? names[reason] : "?";
}

/* ---- Moments ----------------------------------------------------------------------- */

/* Below this the start-up of any program looks fragmented. */
#define TELLING_RESIDENT_BYTES (1u << 20)
/* So does that of one whose heap then grows to many times its size. */
#define TELLING_PART 8u

static int rank(const struct profile_snapshot *s, uint64_t highest_resident_bytes)
{
	if (s->resident_bytes >= TELLING_RESIDENT_BYTES &&
	    s->resident_bytes >= highest_resident_bytes / TELLING_PART)
		return 2;
	return s->reason == MFT_SNAPSHOT_EXIT;
}

static bool is_worse(const struct profile_snapshot *a, const struct profile_snapshot *b,
		     uint64_t highest)
{
	if (rank(a, highest) != rank(b, highest))
		return rank(a, highest) > rank(b, highest);
	return (double)a->requested_bytes / (double)a->resident_bytes <
	       (double)b->requested_bytes / (double)b->resident_bytes;
}

bool profile_moment_takes(const struct profile_moment *moment,
			  const struct profile_snapshot *snapshots, size_t i, size_t best,
			  uint64_t highest_resident_bytes)
{
	const struct profile_snapshot *s = &snapshots[i];
	bool first = best == SIZE_MAX;

	switch (moment->kind) {
	case PROFILE_MOMENT_WORST:
		return s->resident_bytes > 0 &&
		       (first || is_worse(s, &snapshots[best], highest_resident_bytes));
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
	uint64_t highest = 0;
	size_t best = SIZE_MAX;

	for (size_t i = 0; i < profile->snapshots_count; i++)
		if (profile->snapshots[i].resident_bytes > highest)
			highest = profile->snapshots[i].resident_bytes;
	for (size_t i = 0; i < profile->snapshots_count; i++)
		if (profile_moment_takes(moment, profile->snapshots, i, best, highest))
			best = i;
	return best;
}
