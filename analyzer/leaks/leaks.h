/* SPDX-License-Identifier: MIT */
/*
 * leaks.h - what became of the blocks that were not freed, into the profile.
 *
 * Blocks that are still live at the end of a replay are classified by what held them at a
 * scan: reachable, possible, indirect, definite, as memcheck has it; those which the scan
 * did not know, or all where there was none, are unfreed.
 * Threads: one at a time. Memory: about 100 bytes a lost block, 20 any other one, and 8 a
 * pointer, while it lasts.
 * Not here: how each step works (graph.h, reach.h, lost.h, cycles.h), names, suppressions.
 */
#ifndef LEAKS_H
#define LEAKS_H

#include <stdbool.h>
#include <stdint.h>

struct model;
struct pointers;
struct profile;

/* What a report wants to know. All zeros: the figures. */
struct leaks_wish {
	uint64_t older_than_ns; /* blocks younger than this at the end are YOUNG */
	bool force;		/* judge also where frees may be missing */
	bool blocks;		/* each block, and what holds it: profile_leaks.blocks */
};

/* Classifies, unless the recording may lack frees (losses.h), and writes everything about
 * leaks into the profile: profile->leaks and what its sites have, which must be the
 * ledger's in their order. duration_ns and allocator of the profile must be known. scan:
 * sealed, or NULL: there was none; unit_ns: nanoseconds a clock unit. Returns 0, -ENOMEM,
 * or -EFBIG: a scan of 2^31 blocks or words. */
int leaks_close(const struct leaks_wish *wish, const struct pointers *scan,
		const struct model *model, uint64_t unit_ns, struct profile *profile);

#endif
