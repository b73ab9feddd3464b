/* SPDX-License-Identifier: MIT */
/*
 * regions.h - what each part of a snapshot's anonymous memory is.
 *
 * The allocator's: the brk heap; with glibc the heaps of its arenas, told by their place
 * (a multiple of REGIONS_ARENA_BYTES: glibc, arena.c, new_heap, which reserves as many
 * bytes, so that the brk heap cannot lie in them) and by the blocks that were cut from
 * them, and the pages of large blocks that have mappings of their own; with any
 * other allocator all mappings in which a block begins or began at an earlier snapshot,
 * told by where they start.
 * Not the allocator's: stacks of threads, told by their shape (a length that is a multiple
 * of 64 KiB, alone or together with a guard page, of which the upper end is resident and
 * the lower end is not: glibc before 2.27 takes the guard page off what was asked for,
 * later ones add it), and what is left.
 * The kernel shows neighbouring mappings of one kind as one; they are parted where an
 * arena's heap begins or must end, and around large blocks.
 * Threads: one at a time. Memory: regions_done; used again for the next snapshot.
 */
#ifndef REGIONS_H
#define REGIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "profile.h"

struct cells;
struct regions_known;
struct snapshot;
struct snapshot_run;

/* glibc, arena.c: HEAP_MAX_SIZE is twice DEFAULT_MMAP_THRESHOLD_MAX, of 64-bit systems. */
#define REGIONS_ARENA_BYTES (64ull << 20)

struct region {
	uint64_t start, end;
	enum profile_region_kind kind;
	uint64_t unplaced_bytes;	 /* resident, but not known where */
	const struct snapshot_run *runs; /* may reach beyond the region's ends */
	size_t runs_count;
};

struct regions {
	struct region *items; /* in order of address */
	size_t count, room;
	uint64_t brk_start, brk_end; /* of the snapshot at hand; both 0: there is none */
	struct regions_known *known; /* where mappings with blocks began */
};

/* No regions are all zeros; regions_done leaves that. */
void regions_done(struct regions *regions);

/* Tells the regions of a snapshot. cells: fresh. The runs are the snapshot's. Returns 0 or
 * -ENOMEM. */
int regions_tell(struct regions *regions, const struct snapshot *snapshot,
		 const struct cells *cells, uint32_t page_bytes, bool is_glibc);

/* Sets *ret_run to the part of the i-th run that lies in the region; false: none does. */
bool region_run(const struct region *region, size_t i, struct snapshot_run *ret_run);

/* Resident bytes of [start, end) within the region, as far as it is known where they are.
 */
uint64_t region_resident(const struct region *region, uint64_t start, uint64_t end);

static inline bool region_is_heap(const struct region *region)
{
	return region->kind <= PROFILE_REGION_MAPPED;
}

#endif
