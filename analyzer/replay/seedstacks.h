/* SPDX-License-Identifier: MIT */
/*
 * seedstacks.h - the call stacks that older events of a ring dump left behind.
 *
 * Records refer to modules and to nodes of call stacks that earlier records defined. What a
 * ring dump no longer has of these, its state tells (ring.h): here it goes into the tables
 * that those records would have filled, for whoever reads the events that are left.
 * Guarantees: nothing is believed that ring_load has not checked. Threads: one at a time.
 * Memory: 4 bytes a node and a granule; seedstacks_done.
 * Not here: sites, blocks and sums (seed.h).
 */
#ifndef SEEDSTACKS_H
#define SEEDSTACKS_H

#include <stdint.h>

struct modulemap;
struct ring;
struct stack_nodes;
struct stacks;

/* What the nodes of a ring are here. All zeros: of no ring. */
struct seedstacks {
	uint32_t *frames; /* by node, the roots included */
	uint32_t count;
	uint32_t *granules; /* the ring's, by stream, then index */
};

/* Adds the modules and the stacks of a ring. Returns 0, -ENOMEM, or what pread says;
 * seedstacks_done in any case. */
int seedstacks_init(const struct ring *ring, struct modulemap *modules,
		    struct stacks *stacks, struct seedstacks *ret_seed);
void seedstacks_done(struct seedstacks *seed);

/* Defines the nodes that a stream had defined before it is read on. Returns 0, -EBADMSG
 * (they are not all there) or -ENOMEM. */
int seedstacks_stream(const struct ring *ring, const struct seedstacks *seed,
		      uint32_t stream, struct stack_nodes *nodes);

#endif
