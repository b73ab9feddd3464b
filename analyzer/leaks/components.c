/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>

#include "digraph.h"

/* What Tarjan's search keeps. A node's number is its place in the search plus 1, 0: not
 * seen; once its component is known it is DONE. */
struct search {
	const struct digraph *graph;
	uint32_t *number; /* of nodes that are seen; lowered to the lowest they reach */
	uint32_t *edge;	  /* of nodes on the path, the next one to look at */
	uint32_t *path;	  /* from the search's begin to where it is */
	uint32_t *open;	  /* seen, their component not known yet */
	uint32_t path_count, open_count, seen, components;
	uint32_t *component;
};

#define DONE UINT32_MAX

static void enter(struct search *search, uint32_t node)
{
	search->number[node] = ++search->seen;
	search->edge[node] = search->graph->first[node];
	search->path[search->path_count++] = node;
}

/* The node's edges are all looked at. entered: the number it got when it was entered. It
 * is the first of its component that was seen where it reaches nothing earlier. */
static void leave(struct search *search, uint32_t node, uint32_t entered)
{
	uint32_t member;

	if (search->number[node] != entered) {
		search->open[search->open_count++] = node;
		return;
	}
	/* All that was seen since and is open belongs to it. */
	while (search->open_count > 0) {
		member = search->open[search->open_count - 1];
		if (search->number[member] < entered)
			break;
		search->number[member] = DONE;
		search->component[member] = search->components;
		search->open_count--;
	}
	search->number[node] = DONE;
	search->component[node] = search->components++;
}

static void search_from(struct search *search, uint32_t begin, uint32_t *entered)
{
	const struct digraph *graph = search->graph;

	enter(search, begin);
	entered[begin] = search->number[begin];
	while (search->path_count > 0) {
		uint32_t node = search->path[search->path_count - 1];

		if (search->edge[node] < graph->first[node + 1]) {
			uint32_t next = graph->target[search->edge[node]];

			if (search->number[next] == 0) {
				/* This edge is looked at again on the way back. */
				enter(search, next);
				entered[next] = search->number[next];
				continue;
			}
			/* DONE is the highest number. */
			if (search->number[next] < search->number[node])
				search->number[node] = search->number[next];
			search->edge[node]++;
			continue;
		}
		search->path_count--;
		leave(search, node, entered[node]);
	}
}

int digraph_components(const struct digraph *graph, uint32_t *component,
		       uint32_t *ret_count)
{
	size_t n = graph->nodes;
	uint32_t *entered = calloc(n + 1, sizeof(*entered));
	struct search search = {
		.graph = graph,
		.number = calloc(n + 1, sizeof(uint32_t)),
		.edge = calloc(n + 1, sizeof(uint32_t)),
		.path = calloc(n + 1, sizeof(uint32_t)),
		.open = calloc(n + 1, sizeof(uint32_t)),
		.component = component,
	};
	int r = -ENOMEM;

	if (!entered || !search.number || !search.edge || !search.path || !search.open)
		goto out;
	for (uint32_t node = 0; node < graph->nodes; node++)
		if (search.number[node] == 0)
			search_from(&search, node, entered);
	*ret_count = search.components;
	r = 0;
out:
	free(entered);
	free(search.number);
	free(search.edge);
	free(search.path);
	free(search.open);
	return r;
}
