/* SPDX-License-Identifier: MIT */
/*
 * sites.h - call sites as a report shows them: named, merged, with a fingerprint.
 *
 * Call stacks whose shown frames are the same (function, file, line; calltree.h says what
 * is shown) are one site, also across the processes of a tree.
 *
 * The fingerprint (id), in 16 hexadecimal digits, is made of the names of functions and
 * modules of the shown frames; fingerprint.h says how. No address, line, parameter or
 * version is in it, so it stays the same from build to build and from machine to machine.
 * Sites that differ in lines only therefore share an id.
 * Threads: none. Memory: sites_done; nodes are the tree's.
 * Not here: printing.
 */
#ifndef SITES_H
#define SITES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "profile.h"

struct calltree;
struct calltree_view;

struct site {
	uint32_t node;	/* innermost frame, nothing trimmed; of the first stack merged */
	uint32_t shown; /* innermost frame that is shown */
	uint8_t op;	/* enum mft_op, of the first stack merged */
	uint64_t fingerprint;
	uint64_t allocations;
	uint64_t allocated_bytes;
	uint64_t live_blocks; /* at exit */
	uint64_t live_bytes;
	struct profile_amount leaks[PROFILE_LEAK_KINDS];
	struct profile_amount leaked; /* of these, what counts (profile_leaked) */
	struct profile_amount retained;
	uint64_t leak_first_ns, leak_last_ns; /* as in struct profile_site */
	uint32_t leak_thread;
	struct profile_trend trend; /* of those merged that grow, added up */
	uint64_t peak_blocks;
	uint64_t peak_bytes;
	uint64_t temporary;
	uint64_t freed;
	uint64_t lifetime_ns_sum;
	uint64_t failed;
	uint64_t pinned_exclusive_bytes;
	double pinned_shared_bytes;
	uint64_t pinned_pages; /* a page that two merged stacks pin counts for each */
	uint64_t pinning_blocks;
	uint64_t pinning_oldest_ns;
	double pinning_age_ns_sum;
	uint64_t pinned_huge_exclusive_bytes;
	double pinned_byte_seconds;
};

struct sites {
	struct site *items;
	size_t count;
	size_t room;
	struct site_index *index;
};

/* What a site must have for sites_add to take it, and what sites_sort puts first. */
enum sites_order {
	SITES_BY_PEAK,
	SITES_BY_LIVE,
	SITES_BY_LEAKED,
	SITES_BY_RETAINED, /* by definitely lost blocks */
	SITES_BY_INDIRECT,
	SITES_BY_POSSIBLE,
	SITES_BY_REACHABLE,
	SITES_BY_GROWTH, /* steady, by slope */
	SITES_BY_PINNED,
	SITES_BY_ALLOCATED, /* takes every site */
	SITES_BY_TEMPORARY
};

/* Starts empty. */
void sites_init(struct sites *sites);
void sites_done(struct sites *sites);

/* Adds the sites of a profile that count for `order`. Returns 0 or -ENOMEM. */
int sites_add(struct sites *sites, const struct calltree *tree, struct calltree_view *view,
	      const struct profile *profile, enum sites_order order);

/* The fingerprint that a profile's site has here. Returns 0 or -ENOMEM. */
int sites_fingerprint(const struct calltree *tree, struct calltree_view *view,
		      const struct profile_site *site, uint64_t *ret_fingerprint);

/* Sorts, biggest first; equal ones by fingerprint, so that the order is always the same. */
void sites_sort(struct sites *sites, enum sites_order order);

/* What a site has of what `order` sorts by: bytes or a count. */
double sites_weight(const struct site *site, enum sites_order order);

/* The gravest kind of a site's blocks that are not free, as profile_leak_name tells it.
 * NULL: all are free. */
const char *sites_gravest_leak(const struct site *site);

#endif
