/* SPDX-License-Identifier: MIT */
/*
 * depth.h - one snapshot in depth: whose blocks pin what, free runs, sizes, heaps, a map.
 *
 * What needs every live block in order, so that it is done for the snapshots only that a
 * report may tell of.
 * Threads: one at a time. Memory: depth_done; proportional to live blocks and resident
 * pages while depth_take runs, to sites and resident pages between.
 */
#ifndef DEPTH_H
#define DEPTH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "blame.h"
#include "spans.h"

struct blocks;
struct cells;
struct profile;
struct profile_depth;
struct regions;
struct snapshot;

struct depth {
	struct spans spans;
	struct profile_depth *taken; /* of the last depth_take; NULL: none yet */
	struct blame blame;	     /* the same */
	uint64_t clock, unit_ns;
};

/* Everything that is known of a snapshot when its end has come. */
struct depth_view {
	size_t number; /* of the snapshot */
	const struct snapshot *snapshot;
	const struct regions *regions;
	const struct blocks *blocks;
	const struct cells *cells; /* fresh */
	size_t sites_count;
	uint32_t page_bytes;
	bool is_glibc;
	uint64_t clock, unit_ns;
};

/* A depth that took nothing is all zeros; depth_done leaves that. */
void depth_done(struct depth *depth);

/* Looks at a snapshot; what was taken before is dropped. Returns 0; -ENOMEM, and then
 * nothing is taken. */
int depth_take(struct depth *depth, const struct depth_view *view);

/* Moves what was taken into a profile, whose sites must be there. */
void depth_close(struct depth *depth, struct profile *profile);

#endif
