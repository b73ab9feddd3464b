/* SPDX-License-Identifier: MIT */
/*
 * heap.h - fragmentation: the live blocks on the pages that the allocator keeps.
 *
 * Each snapshot of the dump, at its place among the events, becomes a profile_snapshot. F
 * is taken over the mappings that the allocator serves blocks from: the brk heap, and
 * every private anonymous mapping in which a live block begins now or began at an earlier
 * snapshot (told by where it starts).
 * The worst snapshot is the one with the lowest utilisation R/F among those with an F of a
 * megabyte or more; where there is none, the one at exit; failing that, the lowest of all.
 * Whose blocks pin how much is kept for the worst one.
 * Threads: one at a time. Memory: spans of the live blocks, 16 bytes a site, a snapshot's
 * figures.
 */
#ifndef HEAP_H
#define HEAP_H

#include <stddef.h>
#include <stdint.h>

#include "pages.h"
#include "profile.h"
#include "spans.h"

struct blocks;
struct heap_known;
struct ledger;
struct snapshot;

struct heap {
	uint32_t page_bytes;
	struct spans spans;
	struct heap_known *known; /* mappings that held a block in a snapshot */
	struct profile_snapshot *snapshots;
	size_t count, room;
	size_t worst;		/* SIZE_MAX: none yet */
	struct pages_pins pins; /* of the worst */
	size_t pins_count;
};

void heap_init(struct heap *heap, uint32_t page_bytes);
void heap_done(struct heap *heap);

/* Takes in a snapshot that is complete, with the blocks that are live now and the totals of
 * the ledger. Returns 0 or -ENOMEM. */
int heap_add(struct heap *heap, const struct snapshot *snapshot, uint64_t time_ns,
	     const struct blocks *blocks, const struct ledger *ledger);

/* Moves the snapshots into a profile, and what is pinned into its sites, which must be the
 * ledger's in their order. */
void heap_close(struct heap *heap, struct profile *profile);

#endif
