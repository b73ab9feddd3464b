/* SPDX-License-Identifier: MIT */
/*
 * lost.h - the lost blocks among themselves: which are the cause, and what each costs.
 *
 * A lost block that no other lost block points to is the head of what was lost with it.
 * Where blocks point to each other in a cycle that nobody else points to, there is no such
 * block: the cycle is lost as a whole, and the one at the lowest address stands for it (as
 * in memcheck, whose figures are comparable so). All heads are definitely lost, what they
 * lead to is indirectly lost.
 * What a block retains are the lost blocks to which all ways from the heads lead over it,
 * itself included: so much is gained if it is freed with what it holds. What two heads
 * share, none of them retains.
 * Guarantees: blocks are numbered densely, in order of address; any pointer counts, also
 * one into the middle of a block.
 * Threads: one at a time. Memory: about 40 bytes a lost block and 4 a pointer between
 * them, five times that meanwhile; lost_done.
 * Not here: what the cycles look like (cycles.h).
 */
#ifndef LOST_H
#define LOST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "digraph.h"

struct graph;
struct reach;

struct lost {
	uint32_t count;
	uint32_t *block;     /* by number: its index in the graph */
	uint32_t *number;    /* by block, DIGRAPH_NONE where it is not lost */
	uint32_t *component; /* by number: of its cycle, or of itself alone */
	uint32_t components;
	uint32_t *component_blocks; /* by component */
	bool *component_entered;    /* another lost block points into it */
	bool *is_head;		    /* by number */
	/* By number: the last block that all ways to it lead over; `count`: none does. */
	uint32_t *dominator;
	uint64_t *retained_bytes; /* by number */
	uint32_t *retained_blocks;
};

/* Returns 0 or -ENOMEM. */
int lost_init(struct lost *lost, const struct graph *graph, const struct reach *reach);
void lost_done(struct lost *lost);

#endif
