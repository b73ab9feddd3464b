/* SPDX-License-Identifier: MIT */
#include "eventpass.h"

#include <errno.h>
#include <stdbool.h>

#include "complaint.h"
#include "family.h"
#include "profile.h"
#include "replay.h"
#include "report.h"
#include "snap.h"

static bool same_frame(const struct profile_frame *a, const struct profile_frame *b)
{
	return a->parent == b->parent && a->module == b->module && a->exact == b->exact &&
	       a->offset == b->offset;
}

/* The dump of a process that runs grows, and what was written late may come early in the
 * order of all threads. */
static bool same_events(const struct profile *a, const struct profile *b)
{
	size_t i;

	if (a->events != b->events || a->sites_count != b->sites_count ||
	    a->frames_count != b->frames_count)
		return false;
	for (i = 0; i < a->sites_count; i++) {
		if (a->sites[i].frame != b->sites[i].frame ||
		    a->sites[i].allocations != b->sites[i].allocations)
			return false;
	}
	for (i = 0; i < a->frames_count; i++) {
		if (!same_frame(&a->frames[i], &b->frames[i]))
			return false;
	}
	return true;
}

int eventpass(const struct report *report, size_t member, struct ledger_watcher *watcher)
{
	const struct profile *before = report->family->members[member].profile;
	/* As far as it was replayed before. */
	const struct snap end = {
		.header = {.clock = before->cut_clock,
			   .cuts = (uint32_t)before->cuts_count},
		.cuts = before->cuts,
	};
	const struct replay_wish wish = {
		/* Looked for already, so that there is no second replay. */
		.moment = {.kind = PROFILE_MOMENT_INDEX, .index = before->chosen_snapshot},
		.snap = before->cut_clock == UINT64_MAX ? NULL : &end,
		.watcher = watcher,
	};
	struct complaint complaint;
	struct profile *profile;
	int error =
		replay_dump_for(before->dump_path, &wish, NULL, NULL, &profile, &complaint);

	if (error)
		return error;
	if (!same_events(before, profile))
		error = -ESTALE;
	profile_free(profile);
	return error;
}
