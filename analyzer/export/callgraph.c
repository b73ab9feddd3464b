/* SPDX-License-Identifier: MIT */
#include "callgraph.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "calltree.h"
#include "report.h"
#include "stackpath.h"
#include "weights.h"

struct arc_key {
	uint32_t caller, callee, line;
};

void callgraph_done(struct callgraph *graph)
{
	numbering_done(&graph->functions);
	numbering_done(&graph->index);
	free(graph->nodes);
	free(graph->seen);
	free(graph->arcs);
	memset(graph, 0, sizeof(*graph));
}

static int make_room(struct callgraph *graph, uint32_t functions)
{
	size_t room = graph->nodes_room ? graph->nodes_room : 256;
	uint32_t *nodes;
	size_t *seen;

	if (functions <= graph->nodes_room)
		return 0;
	while (room < functions)
		room *= 2;
	nodes = realloc(graph->nodes, room * sizeof(*nodes));
	if (!nodes)
		return -ENOMEM;
	graph->nodes = nodes;
	seen = realloc(graph->seen, room * sizeof(*seen));
	if (!seen)
		return -ENOMEM;
	graph->seen = seen;
	memset(seen + graph->nodes_room, 0, (room - graph->nodes_room) * sizeof(*seen));
	graph->nodes_room = room;
	return 0;
}

/* The number of a node's function; CALLGRAPH_UNKNOWN has one too. */
static int function_of(struct callgraph *graph, const struct calltree *tree, uint32_t node,
		       uint32_t *ret_function)
{
	struct numbering_frame_key key = numbering_frame(
		node == CALLGRAPH_UNKNOWN ? NULL : calltree_at(tree, node), false);
	bool new;
	int error = numbering_get(&graph->functions, &key, sizeof(key), ret_function, &new);

	if (!error && new) {
		error = make_room(graph, *ret_function);
		if (!error)
			graph->nodes[*ret_function - 1] = node;
	}
	return error;
}

/* Adds to an arc; row NULL: the allocations only. */
static int add(struct callgraph *graph, const struct arc_key *key, uint64_t allocations,
	       const uint64_t *row)
{
	struct callgraph_arc *arc;
	uint32_t number;
	bool new;
	int error = numbering_get(&graph->index, key, sizeof(*key), &number, &new);

	if (error)
		return error;
	if (new && graph->arcs_count == graph->arcs_room) {
		size_t room = graph->arcs_room ? 2 * graph->arcs_room : 1024;
		struct callgraph_arc *moved = realloc(graph->arcs, room * sizeof(*moved));

		if (!moved)
			return -ENOMEM;
		graph->arcs = moved;
		graph->arcs_room = room;
	}
	arc = &graph->arcs[number - 1];
	if (new) {
		memset(arc, 0, sizeof(*arc));
		arc->caller = key->caller;
		arc->callee = key->callee;
		arc->line = key->line;
		graph->arcs_count++;
	}
	arc->allocations += allocations;
	for (size_t i = 0; row && i < EXPORT_METRICS; i++)
		arc->costs[i] += row[i];
	return 0;
}

/* Adds the stack of weights' site `index`, from the innermost frame on. */
static int add_stack(struct callgraph *graph, const struct calltree *tree,
		     const struct weights *weights, size_t index,
		     const struct stackpath *path)
{
	const uint64_t *row = weights->rows[index];
	size_t depth = path->count + (path->truncated || path->count == 0);
	uint32_t callee = 0;
	int error = 0;

	for (size_t i = 0; !error && i < depth; i++) {
		uint32_t node = i < path->count ? path->nodes[i] : CALLGRAPH_UNKNOWN;
		struct arc_key key = {.callee = callee};
		bool counts;

		error = function_of(graph, tree, node, &key.caller);
		if (error)
			break;
		if (node != CALLGRAPH_UNKNOWN)
			key.line = calltree_at(tree, node)->line;
		counts = graph->seen[key.caller - 1] != index + 1;
		graph->seen[key.caller - 1] = index + 1;
		error = add(graph, &key, row[EXPORT_ALLOCATIONS], counts ? row : NULL);
		callee = key.caller;
	}
	return error;
}

static int compare_arcs(const void *a, const void *b)
{
	const struct callgraph_arc *x = a, *y = b;

	if (x->caller != y->caller)
		return x->caller < y->caller ? -1 : 1;
	if (!x->callee != !y->callee)
		return x->callee ? 1 : -1;
	if (x->line != y->line)
		return x->line < y->line ? -1 : 1;
	return x->callee < y->callee ? -1 : x->callee > y->callee;
}

int callgraph_init(struct callgraph *graph, const struct report *report,
		   const struct weights *weights)
{
	struct stackpath path = {.count = 0};
	int error = 0;

	memset(graph, 0, sizeof(*graph));
	for (size_t i = 0; !error && i < weights->sites.count; i++) {
		error = stackpath_set(&path, report->tree, &weights->sites.items[i]);
		if (!error)
			error = add_stack(graph, report->tree, weights, i, &path);
	}
	stackpath_done(&path);
	numbering_done(&graph->index);
	if (graph->arcs_count)
		qsort(graph->arcs, graph->arcs_count, sizeof(graph->arcs[0]), compare_arcs);
	return error;
}
