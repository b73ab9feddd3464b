/* SPDX-License-Identifier: MIT */
/*
 * graph.h - which live block points to which, and what the roots point to.
 *
 * Nodes are the scan's blocks, by index, and one more, numbered `blocks`, that stands for
 * all roots together. An edge is a word that lies in its origin and whose value is in its
 * target. As in memcheck: a block reaches over the bytes that were asked for, a word counts
 * where all of it does; one past the end points to nothing; a block of 0 bytes has one.
 * An edge is a start pointer where it points to the target's first byte, or where its being
 * an interior one is how C++ compilers and libraries keep blocks (interior.h).
 * Guarantees: edges of a node are in order of address.
 * Threads: one at a time. Memory: 8 bytes an edge, 4 a block; graph_done. The scan must
 * live as long.
 * Not here: what follows from it (reach.h, lost.h).
 */
#ifndef GRAPH_H
#define GRAPH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pointers;

/* In target[]: the block's index is in the other bits. */
#define GRAPH_INTERIOR 0x80000000u
#define GRAPH_BLOCK 0x7fffffffu
#define GRAPH_NONE UINT32_MAX

struct graph {
	const struct pointers *pointers;
	uint32_t blocks;
	uint32_t *first;  /* blocks + 2 */
	uint32_t *target; /* by edge */
	uint32_t *word;	  /* by edge: its index in the scan's words */
};

/* Makes the graph of a sealed scan. is_glibc: glibc's malloc served the program. is_fork:
 * the process began as a copy of another, whose blocks are in its memory but not in its
 * dump; words of the heap that lie in no block are taken for words of such a block that is
 * in use, although some will be in freed memory: rather a leak is not seen than one told
 * of that is none. Returns 0, -ENOMEM, or -EFBIG: more than 2^31 blocks or words. */
int graph_init(struct graph *graph, const struct pointers *pointers, bool is_glibc,
	       bool is_fork);
void graph_done(struct graph *graph);

/* The node that an edge leads from: a block, or graph->blocks for a root. */
uint32_t graph_origin(const struct graph *graph, uint32_t edge);

#endif
