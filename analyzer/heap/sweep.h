/* SPDX-License-Identifier: MIT */
/*
 * sweep.h - one pass over a group of cells: those pages are counted anew on which something
 * changed since the last one.
 *
 * What can have changed: a page's blocks (the strip is dirty), how far a block from before
 * reaches into it, and whether it is in memory. A group of which nothing changed is not
 * looked into, nor, in a group, a strip.
 * Threads: one at a time. Memory: none, but strips that say nothing more are given back.
 */
#ifndef SWEEP_H
#define SWEEP_H

#include <stddef.h>

#include "cells.h"

struct sweep {
	struct cells *cells;
	const struct blocks *blocks;
	struct cells_flow flow; /* of what lies before the group at hand */
};

/* Sweeps over the g-th group, whose `next` is known, and moves the flow behind it. Then its
 * `now`, `gaps` and `runs` are of this sweep, and all its pages in memory are counted. */
void sweep_group(struct sweep *sweep, size_t g);

#endif
