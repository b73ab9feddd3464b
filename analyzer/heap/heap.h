/* SPDX-License-Identifier: MIT */
/*
 * heap.h - fragmentation: the live blocks on the pages that the allocator keeps.
 *
 * Each snapshot of the dump, at its place among the events, becomes a profile_snapshot. F
 * is taken over the regions that the allocator serves blocks from (regions.h). One snapshot
 * is looked at in depth: that of the chosen moment. Which one it is shows at the end only,
 * so each that might be it is looked at, as long as that costs less than the replay of the
 * events itself; if it was too much, or another one was chosen in the end, the profile
 * comes without depth, and the dump has to be replayed again with the snapshot's index.
 * Threads: one at a time. Memory: spans of the live blocks, 40 bytes a site, a snapshot's
 * figures.
 */
#ifndef HEAP_H
#define HEAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "depth.h"
#include "growth.h"
#include "occupancy.h"
#include "profile.h"
#include "regions.h"

struct model;
struct snapshot;

struct heap {
	struct profile_moment moment;
	uint32_t page_bytes;
	uint64_t unit_ns;
	struct regions regions;
	struct occupancy occupancy;
	struct growth growth;
	struct depth depth;
	struct profile_snapshot *snapshots;
	size_t count, room;
	size_t chosen; /* so far; SIZE_MAX: none yet */
	uint64_t highest_resident_bytes;
	uint64_t depth_blocks; /* that were looked at for depth so far */
};

/* header: the dump's, for page size and clock unit. moment: which snapshot to look at in
 * depth. */
void heap_init(struct heap *heap, const struct mft_header *header,
	       const struct profile_moment *moment);
void heap_done(struct heap *heap);

/* Takes in a snapshot that is complete, with the blocks that are live at a clock. Returns
 * 0 or -ENOMEM. */
int heap_add(struct heap *heap, const struct snapshot *snapshot, uint64_t clock,
	     struct model *model);

/* Moves the snapshots into a profile, and what is pinned into its sites, which must be the
 * ledger's in their order; the recording ended at end_ns. Returns whether the chosen
 * snapshot could be looked at in depth, or there is none. */
bool heap_close(struct heap *heap, uint64_t end_ns, struct profile *profile);

#endif
