/* SPDX-License-Identifier: MIT */
/*
 * callgraph.h - call sites as functions that call each other: what each line of a function
 * costs itself, and what its calls cost.
 *
 * Guarantees: the calls of a function cost what all call sites weigh that it is in, once
 * each; also where it calls itself, directly or over others: then the outermost call
 * counts, and the inner ones cost nothing. A function for each process calls the outermost
 * ones, so that every other function is called. Threads: none. Memory: an arc for each call
 * from a line to a function; callgraph_done. Not here: any format.
 */
#ifndef CALLGRAPH_H
#define CALLGRAPH_H

#include <stddef.h>
#include <stdint.h>

#include "export.h"
#include "numbering.h"

struct weights;

/* Instead of a node of the call tree: the functions that call the outermost known one, and
 * the process of a member of the family. */
#define CALLGRAPH_UNKNOWN UINT32_MAX
#define CALLGRAPH_PROCESS(member) (UINT32_MAX - 1 - (uint32_t)(member))

/* From a line of a function (line 0: not known), into another or (callee 0) nowhere. */
struct callgraph_arc {
	uint32_t caller, callee; /* functions, from 1 on */
	uint32_t line;
	uint64_t allocations; /* that were made this way, also those that cost nothing */
	uint64_t costs[EXPORT_METRICS];
};

struct callgraph {
	struct numbering functions, index;
	/* By function less 1: its first node in the call tree, or one of those above. */
	uint32_t *nodes;
	size_t nodes_room;
	size_t *seen; /* by function less 1: the last stack that it was found in */
	size_t stacks;
	struct callgraph_arc *arcs;
	size_t arcs_count, arcs_room;
};

/* An empty graph is all zeros. */
void callgraph_done(struct callgraph *graph);

/* Adds the call sites of a member of the report's family. Returns 0 or -ENOMEM. */
int callgraph_add(struct callgraph *graph, const struct report *report, size_t member,
		  const struct weights *weights);

/* Once all are there: puts the arcs in order. Those of a caller follow each other, its own
 * costs first. */
void callgraph_arrange(struct callgraph *graph);

#endif
