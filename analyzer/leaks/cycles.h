/* SPDX-License-Identifier: MIT */
/*
 * cycles.h - the cycles among lost blocks: which blocks keep each other alive, and by which
 * pointer.
 *
 * A cycle here is a strongly connected component: all its blocks lead to each other, so
 * there is one of it however many ways lead round in it, and it is told of once. Of these
 * ways the shortest is told that goes through the block that others enter it by, or, where
 * nobody does, through its oldest block; its last pointer, which leads back to that block,
 * is the one that closes the cycle. A block that points to its own start is a cycle by
 * itself where no other block takes part; one that points into its middle only is none: so
 * does every std::string that is short, and every list in a block that is empty.
 * Threads: one at a time. Memory: 25 bytes a lost block meanwhile; the cycles are the
 * profile's.
 */
#ifndef CYCLES_H
#define CYCLES_H

struct graph;
struct lost;
struct profile_leaks;

/* Fills in cycles and their totals. Returns 0 or -ENOMEM. */
int cycles_find(const struct lost *lost, const struct graph *graph,
		struct profile_leaks *leaks);

#endif
