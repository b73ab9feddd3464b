/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "digraph.h"

#define NONE DIGRAPH_NONE

/* The terms are the paper's. But for `number` all arrays are indexed by a node's number in
 * the order of the depth-first search, and hold such numbers. */
struct flow {
	const struct digraph *graph;
	uint32_t *number; /* by node; NONE: not reached */
	uint32_t *vertex; /* the node of a number */
	uint32_t *parent; /* in the tree of the search */
	uint32_t *semi;
	uint32_t *label;
	uint32_t *ancestor; /* in the forest; NONE: a root of it */
	uint32_t *dom;
	uint32_t *bucket, *bucket_next; /* lists */
	uint32_t *stack;
	uint32_t *before, *before_first; /* edges turned round */
	uint32_t reached;
};

static int flow_init(struct flow *flow, const struct digraph *graph, uint32_t *order)
{
	size_t n = (size_t)graph->nodes + 1;
	uint32_t **arrays[] = {&flow->number, &flow->parent,	  &flow->semi,
			       &flow->label,  &flow->ancestor,	  &flow->dom,
			       &flow->bucket, &flow->bucket_next, &flow->stack};

	memset(flow, 0, sizeof(*flow));
	flow->graph = graph;
	flow->vertex = order;
	for (size_t i = 0; i < sizeof(arrays) / sizeof(arrays[0]); i++) {
		*arrays[i] = malloc(n * sizeof(uint32_t));
		if (!*arrays[i])
			return -ENOMEM;
		memset(*arrays[i], 0xff, n * sizeof(uint32_t));
	}
	return 0;
}

static void flow_done(struct flow *flow)
{
	free(flow->number);
	free(flow->parent);
	free(flow->semi);
	free(flow->label);
	free(flow->ancestor);
	free(flow->dom);
	free(flow->bucket);
	free(flow->bucket_next);
	free(flow->stack);
	free(flow->before);
	free(flow->before_first);
}

static void number_node(struct flow *flow, uint32_t node, uint32_t parent)
{
	uint32_t number = flow->reached++;

	flow->number[node] = number;
	flow->vertex[number] = node;
	flow->parent[number] = parent;
	flow->semi[number] = number;
	flow->label[number] = number;
}

/* Step 1: numbers in the order of a depth-first search. `stack` holds the path, `bucket`
 * the next edge of each node on it. */
static void number_all(struct flow *flow, uint32_t root)
{
	const struct digraph *graph = flow->graph;
	uint32_t *edge = flow->bucket;
	uint32_t depth = 0;

	number_node(flow, root, NONE);
	edge[0] = graph->first[root];
	flow->stack[depth++] = 0;
	while (depth > 0) {
		uint32_t number = flow->stack[depth - 1];
		uint32_t node = flow->vertex[number], next;

		if (edge[number] == graph->first[node + 1]) {
			depth--;
			continue;
		}
		next = graph->target[edge[number]++];
		if (flow->number[next] != NONE)
			continue;
		edge[flow->reached] = graph->first[next];
		flow->stack[depth++] = flow->reached;
		number_node(flow, next, number);
	}
	memset(flow->bucket, 0xff, ((size_t)graph->nodes + 1) * sizeof(uint32_t));
}

/* The edges between what is reached, by where they lead. */
static int turn_round(struct flow *flow)
{
	const struct digraph *graph = flow->graph;
	uint32_t *first = calloc((size_t)flow->reached + 2, sizeof(*first));
	size_t edges = 0;

	flow->before_first = first;
	if (!first)
		return -ENOMEM;
	for (uint32_t v = 0; v < flow->reached; v++) {
		uint32_t node = flow->vertex[v];

		for (uint32_t e = graph->first[node]; e < graph->first[node + 1]; e++)
			first[flow->number[graph->target[e]] + 2]++;
		edges += graph->first[node + 1] - graph->first[node];
	}
	for (uint32_t v = 0; v < flow->reached; v++)
		first[v + 2] += first[v + 1];
	flow->before = malloc((edges + 1) * sizeof(*flow->before));
	if (!flow->before)
		return -ENOMEM;
	for (uint32_t v = 0; v < flow->reached; v++) {
		uint32_t node = flow->vertex[v];

		for (uint32_t e = graph->first[node]; e < graph->first[node + 1]; e++)
			flow->before[first[flow->number[graph->target[e]] + 1]++] = v;
	}
	return 0;
}

/* EVAL: of the ancestors of v in the forest, itself included but not the root, the one
 * whose semidominator is least; shortens the way for the next time. */
static uint32_t least(struct flow *flow, uint32_t v)
{
	uint32_t depth = 0, above;

	if (flow->ancestor[v] == NONE)
		return v;
	for (uint32_t w = v; flow->ancestor[flow->ancestor[w]] != NONE;
	     w = flow->ancestor[w])
		flow->stack[depth++] = w;
	while (depth > 0) {
		uint32_t w = flow->stack[--depth];

		above = flow->ancestor[w];
		if (flow->semi[flow->label[above]] < flow->semi[flow->label[w]])
			flow->label[w] = flow->label[above];
		flow->ancestor[w] = flow->ancestor[above];
	}
	return flow->label[v];
}

/* Steps 2 and 3. */
static void find_dominators(struct flow *flow)
{
	for (uint32_t w = flow->reached - 1; w > 0; w--) {
		uint32_t parent = flow->parent[w];

		for (uint32_t e = flow->before_first[w]; e < flow->before_first[w + 1];
		     e++) {
			uint32_t u = least(flow, flow->before[e]);

			if (flow->semi[u] < flow->semi[w])
				flow->semi[w] = flow->semi[u];
		}
		flow->bucket_next[w] = flow->bucket[flow->semi[w]];
		flow->bucket[flow->semi[w]] = w;
		flow->ancestor[w] = parent;
		for (uint32_t v = flow->bucket[parent]; v != NONE;
		     v = flow->bucket_next[v]) {
			uint32_t u = least(flow, v);

			flow->dom[v] = flow->semi[u] < flow->semi[v] ? u : parent;
		}
		flow->bucket[parent] = NONE;
	}
	/* Step 4. */
	for (uint32_t w = 1; w < flow->reached; w++)
		if (flow->dom[w] != flow->semi[w])
			flow->dom[w] = flow->dom[flow->dom[w]];
}

int digraph_dominators(const struct digraph *graph, uint32_t root, uint32_t *dominator,
		       uint32_t *order, uint32_t *ret_reached)
{
	struct flow flow;
	int r = flow_init(&flow, graph, order);

	if (r < 0)
		goto out;
	number_all(&flow, root);
	r = turn_round(&flow);
	if (r < 0)
		goto out;
	find_dominators(&flow);
	for (uint32_t node = 0; node < graph->nodes; node++) {
		uint32_t number = flow.number[node];

		dominator[node] = number == NONE || node == root
					  ? NONE
					  : flow.vertex[flow.dom[number]];
	}
	*ret_reached = flow.reached;
out:
	flow_done(&flow);
	return r;
}
