/* SPDX-License-Identifier: MIT */
#include "callgraph.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "calltree.h"
#include "family.h"
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

static bool is_call(uint32_t node, const struct report *report)
{
	return node < CALLGRAPH_PROCESS(report->family->count - 1);
}

/* The number of a node's function; what stands instead of a node has one too. */
static int function_of(struct callgraph *graph, const struct report *report, uint32_t node,
		       uint32_t *ret_function)
{
	bool call = is_call(node, report);
	struct numbering_frame_key key =
		numbering_frame(call ? calltree_at(report->tree, node) : NULL, false);
	bool new;
	int error;

	if (!call)
		key.line = node;
	error = numbering_get(&graph->functions, &key, sizeof(key), ret_function, &new);
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

/* Adds a call, or without callee what its function costs itself. */
static int add_step(struct callgraph *graph, const struct report *report, uint32_t caller,
		    uint32_t node, uint32_t callee, const uint64_t *row)
{
	struct arc_key key = {.caller = caller, .callee = callee};
	bool again = false;

	if (is_call(node, report))
		key.line = calltree_at(report->tree, node)->line;
	if (callee) {
		again = graph->seen[callee - 1] == graph->stacks;
		graph->seen[callee - 1] = graph->stacks;
	}
	return add(graph, &key, row[EXPORT_ALLOCATIONS], again ? NULL : row);
}

/* Adds the stack of a site, from the outermost frame on. */
static int add_stack(struct callgraph *graph, const struct report *report, size_t member,
		     const struct stackpath *path, const uint64_t *row)
{
	size_t depth = path->count + (path->truncated || path->count == 0);
	uint32_t node = CALLGRAPH_PROCESS(member), caller;
	int error = function_of(graph, report, node, &caller);

	graph->stacks++;
	for (size_t i = depth; !error && i > 0; i--) {
		uint32_t next =
			i - 1 < path->count ? path->nodes[i - 1] : CALLGRAPH_UNKNOWN;
		uint32_t callee;

		error = function_of(graph, report, next, &callee);
		if (!error)
			error = add_step(graph, report, caller, node, callee, row);
		caller = callee;
		node = next;
	}
	return error ? error : add_step(graph, report, caller, node, 0, row);
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

int callgraph_add(struct callgraph *graph, const struct report *report, size_t member,
		  const struct weights *weights)
{
	struct stackpath path = {.count = 0};
	int error = 0;

	for (size_t i = 0; !error && i < weights->sites.count; i++) {
		error = stackpath_set(&path, report->tree, &weights->sites.items[i]);
		if (!error)
			error = add_stack(graph, report, member, &path, weights->rows[i]);
	}
	stackpath_done(&path);
	return error;
}

void callgraph_arrange(struct callgraph *graph)
{
	numbering_done(&graph->index);
	if (graph->arcs_count)
		qsort(graph->arcs, graph->arcs_count, sizeof(graph->arcs[0]), compare_arcs);
}
