/* SPDX-License-Identifier: MIT */
/*
 * replay.h - replays the events of one dump, in order, into a profile.
 *
 * Guarantees: one pass over the file; memory follows live blocks, distinct stacks and
 * streams, never the number of events. Damage ends the replay but not the report:
 * everything before it is in the profile, and profile.damage says where and why.
 * Threads: none. Memory: the profile is the caller's (profile_free).
 * Not here: the file's structure (reader.h), the order across threads (merge.h), the
 * pages of a snapshot (heap.h).
 */
#ifndef REPLAY_H
#define REPLAY_H

#include <stdint.h>

#include "leaks.h"
#include "profile.h"

struct complaint;
struct ledger_watcher;
struct snap;

/* Called now and then while a long replay runs. done and total are bytes of the file. */
typedef void replay_progress_fn(void *context, uint64_t done, uint64_t total);

/* Replays the dump at path. progress may be NULL. Returns 0 and sets *ret_profile; or a
 * negative errno with *complaint filled in: -ENOENT, -EACCES, -EISDIR ... (cannot be
 * opened), -EBADMSG (not a dump), -EPROTONOSUPPORT (a version this reader does not know),
 * -EBUSY (a ring dump that is written faster than it can be read), -ESTALE (a ring dump
 * that has folded what came after the snapshot it was to be read up to), -ENODATA (empty
 * file, or nothing but a header that is cut), -ENOMEM. */
int replay_dump(const char *path, replay_progress_fn *progress, void *context,
		struct profile **ret_profile, struct complaint *complaint);

/* What a replay is to look at closely. All zeros: the worst snapshot, the figures of leaks.
 */
struct replay_wish {
	struct profile_moment moment;
	struct leaks_wish leaks;
	/* What was seen of the process from outside: the dump is replayed up to that
	 * instant, and this is how things stood then. NULL: to the end, as the dump has it.
	 */
	const struct snap *snap;
	/* Told of every event that counts (ledger.h), as they are replayed; of all of them
	 * twice where the dump is replayed twice, which PROFILE_MOMENT_INDEX never needs.
	 * NULL: nobody. */
	struct ledger_watcher *watcher;
};

/* The same, with a wish. Where very many snapshots might be the one that is wished for the
 * dump is replayed twice. */
int replay_dump_for(const char *path, const struct replay_wish *wish,
		    replay_progress_fn *progress, void *context,
		    struct profile **ret_profile, struct complaint *complaint);

/* The same, looking in depth at the snapshot of a moment; replay_dump takes the worst.
 */
int replay_dump_at(const char *path, const struct profile_moment *moment,
		   replay_progress_fn *progress, void *context,
		   struct profile **ret_profile, struct complaint *complaint);

#endif
