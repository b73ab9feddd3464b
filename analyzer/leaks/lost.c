/* SPDX-License-Identifier: MIT */
#include "lost.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "graph.h"
#include "pointers.h"
#include "reach.h"

/* The lost blocks as a graph of their own, and behind them one more node, which points to
 * all heads. */
struct subgraph {
	struct digraph digraph;
	uint32_t *first, *target;
};

static int number_blocks(struct lost *lost, const struct graph *graph,
			 const struct reach *reach)
{
	uint32_t count = 0;

	for (uint32_t b = 0; b < graph->blocks; b++)
		count += reach->state[b] == REACH_LOST;
	lost->number = malloc(((size_t)graph->blocks + 1) * sizeof(*lost->number));
	lost->block = malloc(((size_t)count + 1) * sizeof(*lost->block));
	if (!lost->number || !lost->block)
		return -ENOMEM;
	for (uint32_t b = 0; b < graph->blocks; b++) {
		lost->number[b] = DIGRAPH_NONE;
		if (reach->state[b] != REACH_LOST)
			continue;
		lost->number[b] = lost->count;
		lost->block[lost->count++] = b;
	}
	return 0;
}

static int subgraph_init(struct subgraph *sub, const struct lost *lost,
			 const struct graph *graph)
{
	uint32_t edges = 0;

	sub->first = malloc(((size_t)lost->count + 2) * sizeof(*sub->first));
	if (!sub->first)
		return -ENOMEM;
	for (uint32_t i = 0; i < lost->count; i++) {
		uint32_t block = lost->block[i];

		edges += graph->first[block + 1] - graph->first[block];
	}
	/* Room for a pointer to each head. */
	sub->target = malloc(((size_t)edges + lost->count + 1) * sizeof(*sub->target));
	if (!sub->target)
		return -ENOMEM;
	edges = 0;
	for (uint32_t i = 0; i < lost->count; i++) {
		uint32_t block = lost->block[i];

		sub->first[i] = edges;
		for (uint32_t e = graph->first[block]; e < graph->first[block + 1]; e++) {
			uint32_t next = lost->number[graph->target[e] & GRAPH_BLOCK];

			if (next != DIGRAPH_NONE)
				sub->target[edges++] = next;
		}
	}
	sub->first[lost->count] = edges;
	sub->digraph = (struct digraph){lost->count, sub->first, sub->target};
	return 0;
}

static int find_components(struct lost *lost, const struct subgraph *sub)
{
	size_t room = (size_t)lost->count + 1;
	int r;

	lost->component = malloc(room * sizeof(*lost->component));
	if (!lost->component)
		return -ENOMEM;
	r = digraph_components(&sub->digraph, lost->component, &lost->components);
	if (r < 0)
		return r;
	room = (size_t)lost->components + 1;
	lost->component_blocks = calloc(room, sizeof(*lost->component_blocks));
	lost->component_entered = calloc(room, sizeof(*lost->component_entered));
	if (!lost->component_blocks || !lost->component_entered)
		return -ENOMEM;
	for (uint32_t i = 0; i < lost->count; i++) {
		lost->component_blocks[lost->component[i]]++;
		for (uint32_t e = sub->first[i]; e < sub->first[i + 1]; e++) {
			uint32_t into = lost->component[sub->target[e]];

			if (into != lost->component[i])
				lost->component_entered[into] = true;
		}
	}
	return 0;
}

/* The first block of each component that nobody enters, and edges to them. */
static int find_heads(struct lost *lost, struct subgraph *sub)
{
	bool *seen = calloc((size_t)lost->components + 1, sizeof(*seen));
	uint32_t edges = sub->first[lost->count];

	lost->is_head = calloc((size_t)lost->count + 1, sizeof(*lost->is_head));
	if (!seen || !lost->is_head) {
		free(seen);
		return -ENOMEM;
	}
	for (uint32_t i = 0; i < lost->count; i++) {
		uint32_t component = lost->component[i];

		if (lost->component_entered[component] || seen[component])
			continue;
		seen[component] = true;
		lost->is_head[i] = true;
		sub->target[edges++] = i;
	}
	free(seen);
	sub->first[lost->count + 1] = edges;
	sub->digraph.nodes = lost->count + 1;
	return 0;
}

static int find_retained(struct lost *lost, const struct subgraph *sub,
			 const struct pointers *pointers)
{
	size_t room = (size_t)lost->count + 1;
	uint32_t *dominator = malloc((room + 1) * sizeof(*dominator));
	uint32_t *order = malloc((room + 1) * sizeof(*order));
	uint32_t reached = 0;
	int r = -ENOMEM;

	lost->dominator = dominator;
	lost->retained_bytes = calloc(room, sizeof(*lost->retained_bytes));
	lost->retained_blocks = calloc(room, sizeof(*lost->retained_blocks));
	if (!dominator || !order || !lost->retained_bytes || !lost->retained_blocks)
		goto out;
	r = digraph_dominators(&sub->digraph, lost->count, dominator, order, &reached);
	if (r < 0)
		goto out;
	for (uint32_t i = 0; i < lost->count; i++) {
		lost->retained_bytes[i] = pointers->blocks[lost->block[i]].size;
		lost->retained_blocks[i] = 1;
	}
	/* From the outermost inwards; order[0] is the node that points to the heads. */
	for (uint32_t k = reached; k-- > 1;) {
		uint32_t i = order[k], above = dominator[i];

		lost->retained_bytes[above] += lost->retained_bytes[i];
		lost->retained_blocks[above] += lost->retained_blocks[i];
	}
out:
	free(order);
	return r;
}

int lost_init(struct lost *lost, const struct graph *graph, const struct reach *reach)
{
	struct subgraph sub = {.first = NULL};
	int r;

	memset(lost, 0, sizeof(*lost));
	r = number_blocks(lost, graph, reach);
	if (r == 0)
		r = subgraph_init(&sub, lost, graph);
	if (r == 0)
		r = find_components(lost, &sub);
	if (r == 0)
		r = find_heads(lost, &sub);
	if (r == 0)
		r = find_retained(lost, &sub, graph->pointers);
	free(sub.first);
	free(sub.target);
	if (r < 0)
		lost_done(lost);
	return r;
}

void lost_done(struct lost *lost)
{
	free(lost->block);
	free(lost->number);
	free(lost->component);
	free(lost->component_blocks);
	free(lost->component_entered);
	free(lost->is_head);
	free(lost->dominator);
	free(lost->retained_bytes);
	free(lost->retained_blocks);
	memset(lost, 0, sizeof(*lost));
}
