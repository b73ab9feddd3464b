/* SPDX-License-Identifier: MIT */
#include "replay.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "complaint.h"
#include "facts.h"
#include "leaks.h"
#include "lookahead.h"
#include "outside.h"
#include "pointers.h"
#include "profile.h"
#include "reader.h"
#include "records.h"
#include "ring.h"
#include "seed.h"
#include "snap.h"

#define PROGRESS_EVERY (1u << 16) /* records */

/* The profile is whole but for its depth, which takes another replay. */
#define AGAIN 1

/* What was seen from outside: records like a stream's, all of one instant. */
static int replay_snap(struct replay *replay)
{
	const struct snap *snap = replay->snap;
	const uint64_t clock = outside_clock(snap, replay->last_clock);
	struct mft_decoder decoder;
	struct mft_record record;
	int r;

	replay->snap_stream = calloc(1, sizeof(*replay->snap_stream));
	if (!replay->snap_stream)
		return -ENOMEM;
	replay->last_clock = clock;
	if (snap->header.records_bytes > 0)
		mft_decoder_init(&decoder, snap->records,
				 snap->records + snap->header.records_bytes, clock);
	else
		mft_decoder_init(&decoder, NULL, NULL, clock);
	while ((r = mft_decode(&decoder, &record)) > 0) {
		r = records_take_outside(replay, &record, replay->snap_stream);
		if (r < 0)
			break;
	}
	if (r == 0 && replay->scan)
		outside_name_modules(replay->scan, replay->modules.modules,
				     replay->modules.count,
				     replay->reader->header.page_bytes);
	return r;
}

/* The last clock that counts. */
static uint64_t last_clock_of(const struct replay *replay)
{
	uint64_t outside = outside_last_clock(replay->snap);

	return replay->reader->last_clock < outside ? replay->reader->last_clock : outside;
}

static int replay_events(struct replay *replay, replay_progress_fn *progress, void *context)
{
	struct reader *reader = replay->reader;
	const uint64_t last_clock = last_clock_of(replay);
	struct merge_stream *from;
	uint64_t records = 0;
	int r;

	while ((r = merge_next(&replay->merge, &from)) > 0) {
		struct replay_stream *stream =
			&replay->streams[from - replay->merge.streams];

		if (__builtin_expect(from->record->clock > last_clock, 0))
			break;
		lookahead(&from->cursor, &replay->model.blocks);
		replay->last_clock = from->record->clock;
		if (__builtin_expect(series_due(&replay->series, replay->last_clock), 0)) {
			r = series_advance(&replay->series, replay->last_clock,
					   &replay->model.ledger);
			if (r < 0)
				break;
		}
		r = records_take(replay, from, stream);
		if (__builtin_expect(r < 0, 0))
			break;
		if (__builtin_expect(++records % PROGRESS_EVERY == 0, 0) && progress)
			progress(context, reader->bytes_done, reader->file_bytes);
	}
	for (size_t i = 0; i < reader->streams_count; i++)
		model_settle(&replay->model, &replay->streams[i].thread);
	if (r >= 0 && replay->snap)
		r = replay_snap(replay);
	return r < 0 ? r : 0;
}

/* Counts acquisitions whose stack is known to its root, and the others. */
static int count_stacks(struct profile *profile)
{
	bool *truncated = calloc(profile->frames_count, sizeof(*truncated));

	if (!truncated)
		return -ENOMEM;
	truncated[MFT_NODE_TRUNCATED] = true;
	for (size_t i = MFT_NODE_FIRST; i < profile->frames_count; i++)
		truncated[i] = truncated[profile->frames[i].parent];
	for (size_t i = 0; i < profile->sites_count; i++) {
		const struct profile_site *site = &profile->sites[i];
		uint64_t stacks = site->allocations + site->failed;

		if (truncated[site->frame])
			profile->stacks_truncated += stacks;
		else
			profile->stacks_complete += stacks;
	}
	free(truncated);
	return 0;
}

static int fill_recording(struct replay *replay)
{
	struct profile *profile = replay->profile;
	const struct reader *reader = replay->reader;
	const struct profile_mappings *m = &profile->mappings;
	uint64_t end = reader->header.end_clock;

	profile->header = reader->header;
	profile->file_bytes = reader->file_bytes;
	profile->lost_events = reader->header.lost_events + reader->lost_events;
	profile->unsealed_bytes = reader->unsealed_bytes;
	profile->skipped_bytes = reader->skipped_bytes;
	profile->stacks_fallback = reader->fallback_stacks;
	profile->stack_checks = reader->stack_checks;
	profile->stack_differences = reader->stack_differences;
	if (reader->ring)
		seed_recording(reader->ring, replay->reader, profile);
	if (reader->header.state == MFT_STATE_RUNNING || replay->snap)
		end = replay->last_clock;
	profile->duration_ns = end * reader->header.clock_unit_ns;
	profile->events = profile->allocations + profile->failed + profile->frees +
			  m->mmap_calls + m->munmap_calls + m->mremap_calls + m->brk_calls +
			  m->madvise_calls;
	if (reader->damage.places == 0)
		return 0;
	profile->damage = strdup(reader->damage.text);
	profile->damage_offset = reader->damage.offset;
	return profile->damage ? 0 : -ENOMEM;
}

/* Hands what the replay found over to the profile. */
static int finish(struct replay *replay)
{
	struct profile *profile = replay->profile;
	int r = ledger_close(&replay->model.ledger, replay->reader->header.clock_unit_ns,
			     profile);

	if (r < 0)
		return r;
	profile->modules = replay->modules.modules;
	profile->modules_count = replay->modules.count;
	replay->modules.modules = NULL;
	replay->modules.count = 0;
	profile->frames = replay->stacks.frames;
	profile->frames_count = replay->stacks.count;
	replay->stacks.frames = NULL;
	r = count_stacks(profile);
	if (r == 0)
		r = facts_complete(profile);
	if (r == 0)
		r = fill_recording(replay);
	if (r == 0 && replay->scan)
		r = pointers_seal(replay->scan, replay->reader->header.page_bytes,
				  profile_is_glibc(profile));
	if (r < 0)
		return r;
	if (!heap_close(&replay->heap, profile->duration_ns, profile))
		return AGAIN;
	series_close(&replay->series, replay->reader->header.clock_unit_ns, profile);
	return leaks_close(replay->leaks_wish, replay->scan, &replay->model,
			   replay->reader->header.clock_unit_ns, profile);
}

static int begin(struct replay *replay, const char *path, const struct replay_wish *wish)
{
	int r = merge_init(&replay->merge, replay->reader);

	if (r == 0)
		r = stacks_init(&replay->stacks);
	modulemap_init(&replay->modules, replay->reader);
	heap_init(&replay->heap, &replay->reader->header, &wish->moment);
	replay->leaks_wish = &wish->leaks;
	replay->snap = wish->snap;
	series_init(&replay->series, replay->reader->header.clock_unit_ns,
		    replay->reader->ring ? replay->reader->ring->root.totals.clock : 0);
	replay->streams =
		calloc(replay->reader->streams_count + 1, sizeof(*replay->streams));
	replay->profile = calloc(1, sizeof(*replay->profile));
	if (!replay->streams || !replay->profile)
		return -ENOMEM;
	replay->profile->worst_snapshot = SIZE_MAX;
	replay->profile->chosen_snapshot = SIZE_MAX;
	model_init(&replay->model, replay->profile, replay->reader->header.page_bytes);
	replay->model.ledger.watcher = wish->watcher;
	replay->profile->dump_path = strdup(path);
	if (!replay->profile->dump_path || outside_note(wish->snap, replay->profile) < 0)
		return -ENOMEM;
	return r;
}

static void replay_done(struct replay *replay)
{
	for (size_t i = 0; replay->streams && i < replay->reader->streams_count; i++)
		records_stream_done(&replay->streams[i]);
	free(replay->streams);
	if (replay->snap_stream)
		records_stream_done(replay->snap_stream);
	free(replay->snap_stream);
	records_free_scan(replay->scan);
	breaks_done(&replay->breaks);
	series_done(&replay->series);
	merge_done(&replay->merge);
	modulemap_done(&replay->modules);
	stacks_done(&replay->stacks);
	model_done(&replay->model);
	heap_done(&replay->heap);
	reader_close(replay->reader);
	profile_free(replay->profile);
}

/* Leaves out what came after the instant of a snapshot. What a ring has folded cannot be
 * left out any more. */
static int cut(struct reader *reader, const struct snap *snap, struct complaint *complaint)
{
	const struct ring *ring = reader->ring;
	int r = 0;

	if (!snap)
		return 0;
	if (ring && snap->header.clock != SNAP_CLOCK_END &&
	    ring->root.totals.clock > snap->header.clock)
		r = -ESTALE;
	if (r == 0 && snap->header.cuts)
		r = reader_cut(reader, snap->cuts, snap->header.cuts);
	if (r < 0)
		complaint_set(complaint, "the snapshot is older than the events that the "
					 "dump still has (ring=); take a new one");
	return r;
}

/* Replays once. Returns as replay_dump_for does, or AGAIN. */
static int replay_once(const char *path, const struct replay_wish *wish,
		       replay_progress_fn *progress, void *context,
		       struct profile **ret_profile, struct complaint *complaint)
{
	struct replay replay = {0};
	int r = reader_open(path, &replay.reader, complaint);

	if (r < 0)
		return r;
	r = cut(replay.reader, wish->snap, complaint);
	if (r < 0) {
		reader_close(replay.reader);
		return r;
	}
	r = begin(&replay, path, wish);
	if (r == 0 && replay.reader->ring)
		r = seed_replay(&replay);
	if (r == 0)
		r = replay_events(&replay, progress, context);
	if (r == 0)
		r = finish(&replay);
	if (r < 0) {
		complaint_set(complaint, "cannot read: %s", strerror(-r));
	} else {
		*ret_profile = replay.profile;
		replay.profile = NULL;
	}
	replay_done(&replay);
	return r;
}

int replay_dump_for(const char *path, const struct replay_wish *wish,
		    replay_progress_fn *progress, void *context,
		    struct profile **ret_profile, struct complaint *complaint)
{
	struct replay_wish exactly = *wish;
	struct profile *profile;
	int r = replay_once(path, wish, progress, context, &profile, complaint);

	if (r == AGAIN) {
		/* Everything is taken from the second replay: a dump that is being written
		 * may have grown. */
		exactly.moment = (struct profile_moment){
			.kind = PROFILE_MOMENT_INDEX,
			.index = profile->chosen_snapshot,
		};
		profile_free(profile);
		r = replay_once(path, &exactly, progress, context, &profile, complaint);
	}
	if (r >= 0)
		*ret_profile = profile;
	return r < 0 ? r : 0;
}

int replay_dump_at(const char *path, const struct profile_moment *moment,
		   replay_progress_fn *progress, void *context,
		   struct profile **ret_profile, struct complaint *complaint)
{
	const struct replay_wish wish = {.moment = *moment};

	return replay_dump_for(path, &wish, progress, context, ret_profile, complaint);
}

int replay_dump(const char *path, replay_progress_fn *progress, void *context,
		struct profile **ret_profile, struct complaint *complaint)
{
	const struct replay_wish wish = {.leaks = {.older_than_ns = 0}};

	return replay_dump_for(path, &wish, progress, context, ret_profile, complaint);
}
