/* SPDX-License-Identifier: MIT */
#include "reach.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "graph.h"

struct walk {
	const struct graph *graph;
	struct reach *reach;
	uint32_t *queue;
	uint32_t head, tail;
};

static void look_at(struct walk *walk, uint32_t node, enum reach_state state)
{
	const struct graph *graph = walk->graph;

	for (uint32_t e = graph->first[node]; e < graph->first[node + 1]; e++) {
		uint32_t block = graph->target[e] & GRAPH_BLOCK;

		if (walk->reach->state[block] != REACH_LOST)
			continue;
		if (state == REACH_REACHABLE && (graph->target[e] & GRAPH_INTERIOR))
			continue;
		walk->reach->state[block] = (uint8_t)state;
		walk->reach->via[block] = e;
		walk->queue[walk->tail++] = block;
	}
}

/* First over start pointers alone. Then what is left over all pointers, from everything
 * that was reached. */
static void walk_all(struct walk *walk)
{
	uint32_t roots = walk->graph->blocks, reachable;

	look_at(walk, roots, REACH_REACHABLE);
	while (walk->head < walk->tail)
		look_at(walk, walk->queue[walk->head++], REACH_REACHABLE);
	reachable = walk->tail;
	look_at(walk, roots, REACH_POSSIBLE);
	for (uint32_t i = 0; i < reachable; i++)
		look_at(walk, walk->queue[i], REACH_POSSIBLE);
	while (walk->head < walk->tail)
		look_at(walk, walk->queue[walk->head++], REACH_POSSIBLE);
}

int reach_init(struct reach *reach, const struct graph *graph)
{
	size_t room = (size_t)graph->blocks + 1;
	struct walk walk = {
		.graph = graph,
		.reach = reach,
		.queue = malloc(room * sizeof(*walk.queue)),
	};
	int r = -ENOMEM;

	reach->state = calloc(room, sizeof(*reach->state));
	reach->via = malloc(room * sizeof(*reach->via));
	if (!walk.queue || !reach->state || !reach->via)
		goto out;
	memset(reach->via, 0xff, room * sizeof(*reach->via));
	walk_all(&walk);
	r = 0;
out:
	free(walk.queue);
	if (r < 0)
		reach_done(reach);
	return r;
}

void reach_done(struct reach *reach)
{
	free(reach->state);
	free(reach->via);
	memset(reach, 0, sizeof(*reach));
}
