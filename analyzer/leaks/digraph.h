/* SPDX-License-Identifier: MIT */
/*
 * digraph.h - a directed graph of numbered nodes, and what can be said of any such graph.
 *
 * The edges of node n are target[first[n]] to target[first[n + 1] - 1]. Edges to the node
 * itself and several to one node are fine.
 * Guarantees: nothing here recurses, so a chain of millions of nodes costs heap memory and
 * no stack. Nodes and edges are fewer than 2^31.
 * Threads: any, each graph one at a time. Memory: the arrays are the caller's.
 * Not here: what the nodes are (graph.h).
 */
#ifndef DIGRAPH_H
#define DIGRAPH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DIGRAPH_NONE UINT32_MAX

struct digraph {
	uint32_t nodes;
	const uint32_t *first; /* nodes + 1 of them */
	const uint32_t *target;
};

/* Strongly connected components (R. Tarjan, Depth-first search and linear graph algorithms,
 * SIAM J. Comput. 1, 1972). Writes the number of each node's component to component[n];
 * they are numbered from 0, and an edge between two of them leads to the smaller number.
 * Returns 0 and the number of components; or -ENOMEM. */
int digraph_components(const struct digraph *graph, uint32_t *component,
		       uint32_t *ret_count);

/* Dominators (T. Lengauer and R. Tarjan, A fast algorithm for finding dominators in a
 * flowgraph, TOPLAS 1, 1979, in its simple form: O(edges * log nodes)). Node d dominates
 * node n where every way from the root to n leads over d. Writes each node's immediate
 * dominator to dominator[n]; DIGRAPH_NONE for the root and for what it does not reach.
 * order: the nodes that are reached, so that each follows its dominator; *ret_reached: how
 * many. Returns 0 or -ENOMEM. */
int digraph_dominators(const struct digraph *graph, uint32_t root, uint32_t *dominator,
		       uint32_t *order, uint32_t *ret_reached);

#endif
