/* SPDX-License-Identifier: MIT */
/*
 * growth.h - over which stretches of the run the fragmentation ratio grew, and whose pinned
 * bytes grew in them; and what every site pins over time.
 *
 * A stretch lasts while the ratio does not fall by more than half a percent from its
 * highest. Snapshots with a heap below a megabyte say nothing. Of the stretches the three
 * over which most was lost are kept. Between two snapshots a site is taken to pin what it
 * pinned at the first.
 * Threads: one at a time. Memory: 24 bytes a site.
 */
#ifndef GROWTH_H
#define GROWTH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "profile.h"

struct growth {
	/* By site. */
	double *before; /* pinned when the stretch at hand began */
	double *last;	/* pinned at the last snapshot */
	double *byte_seconds;
	size_t room;
	uint64_t last_time_ns;
	bool open;
	size_t from, to;
	double highest; /* ratio in the stretch at hand */
	uint64_t lost_before, lost;
	struct profile_growth kept[PROFILE_GROWTHS];
	size_t kept_count;
};

/* All zeros is a growth that has seen nothing; growth_done leaves that. */
void growth_done(struct growth *growth);

/* Takes in the i-th snapshot and what each of the sites pins in it. Returns 0 or
 * -ENOMEM. */
int growth_add(struct growth *growth, size_t i, const struct profile_snapshot *snapshot,
	       const double *pins, size_t sites_count);

/* Ends at a time, and writes everything into a profile whose sites are there. */
void growth_close(struct growth *growth, uint64_t end_ns, struct profile *profile);

#endif
