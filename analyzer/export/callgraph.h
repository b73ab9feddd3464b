/* SPDX-License-Identifier: MIT */
/*
 * callgraph.h - call sites as functions that call each other: what each line of a function
 * costs itself, and what its calls cost.
 *
 * Guarantees: what a function costs itself and what its calls cost adds up to the weights
 * of all call sites that it is in, once each; also where it calls itself, directly or over
 * others: then the call of the innermost one counts, and the outer ones cost nothing.
 * Threads: none. Memory: an arc for each call from a line to a function; callgraph_done.
 * Not here: any format.
 */
#ifndef CALLGRAPH_H
#define CALLGRAPH_H

#include <stddef.h>
#include <stdint.h>

#include "export.h"
#include "numbering.h"

struct weights;

/* Stands for the functions that call the outermost known one. */
#define CALLGRAPH_UNKNOWN UINT32_MAX

/* From a line of a function (line 0: not known), into another or (callee 0) nowhere. */
struct callgraph_arc {
	uint32_t caller, callee; /* functions, from 1 on */
	uint32_t line;
	uint64_t allocations; /* that were made this way, also those that cost nothing */
	uint64_t costs[EXPORT_METRICS];
};

struct callgraph {
	struct numbering functions, index;
	/* By function less 1: its first node in the call tree, or CALLGRAPH_UNKNOWN. */
	uint32_t *nodes;
	size_t nodes_room;
	size_t *seen; /* by function less 1: the last site that it was found in, plus 1 */
	struct callgraph_arc *arcs;
	size_t arcs_count, arcs_room;
};

/* Makes the graph of what weights has; the arcs of a caller follow each other, its own
 * costs first. Returns 0 or -ENOMEM; callgraph_done in any case. */
int callgraph_init(struct callgraph *graph, const struct report *report,
		   const struct weights *weights);
void callgraph_done(struct callgraph *graph);

#endif
