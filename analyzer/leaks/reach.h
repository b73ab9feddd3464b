/* SPDX-License-Identifier: MIT */
/*
 * reach.h - which blocks can be reached from the roots, and how.
 *
 * A block is reachable where a chain of start pointers leads to it from a root, possibly
 * lost where a chain does but none of start pointers alone, and lost otherwise.
 * Guarantees: a way that is told is a shortest one.
 * Threads: one at a time. Memory: 5 bytes a block; reach_done.
 */
#ifndef REACH_H
#define REACH_H

#include <stdint.h>

struct graph;

enum reach_state {
	REACH_LOST = 0,
	REACH_POSSIBLE,
	REACH_REACHABLE,
};

struct reach {
	uint8_t *state; /* by block: enum reach_state */
	uint32_t *via;	/* by block: the edge it was reached by, or GRAPH_NONE */
};

/* Returns 0 or -ENOMEM. */
int reach_init(struct reach *reach, const struct graph *graph);
void reach_done(struct reach *reach);

#endif
