/* SPDX-License-Identifier: MIT */
#include "holders.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "graph.h"
#include "lost.h"
#include "pointers.h"
#include "profile.h"
#include "reach.h"

static int list_roots(const struct pointers *pointers, struct profile_leaks *leaks)
{
	leaks->roots = calloc(pointers->roots_count + 1, sizeof(*leaks->roots));
	if (!leaks->roots)
		return -ENOMEM;
	leaks->roots_count = pointers->roots_count;
	for (size_t i = 0; i < pointers->roots_count; i++) {
		const struct pointers_root *from = &pointers->roots[i];
		struct profile_root *to = &leaks->roots[i];

		*to = (struct profile_root){
			.start = from->start,
			.end = from->end,
			.kind = from->kind,
			.module = from->module == POINTERS_NONE ? PROFILE_NO_MODULE
								: from->module,
			.tid = from->tid == POINTERS_NONE ? 0 : from->tid,
		};
	}
	return 0;
}

/* For each lost block that is no head the edge by which the search from the heads came
 * to it, so that who follows them ends at a head. via: by number. */
static int search_lost(const struct graph *graph, const struct lost *lost, uint32_t *via)
{
	uint32_t *queue = malloc(((size_t)lost->count + 1) * sizeof(*queue));
	uint32_t head = 0, tail = 0;

	if (!queue)
		return -ENOMEM;
	memset(via, 0xff, ((size_t)lost->count + 1) * sizeof(*via));
	for (uint32_t i = 0; i < lost->count; i++)
		if (lost->is_head[i])
			queue[tail++] = i;
	while (head < tail) {
		uint32_t block = lost->block[queue[head++]];

		for (uint32_t e = graph->first[block]; e < graph->first[block + 1]; e++) {
			uint32_t next = lost->number[graph->target[e] & GRAPH_BLOCK];

			if (next == DIGRAPH_NONE || lost->is_head[next] ||
			    via[next] != GRAPH_NONE)
				continue;
			via[next] = e;
			queue[tail++] = next;
		}
	}
	free(queue);
	return 0;
}

static void describe(const struct graph *graph, uint32_t edge, struct profile_block *block)
{
	uint32_t origin;

	block->holder = PROFILE_NO_BLOCK;
	if (edge == GRAPH_NONE)
		return;
	origin = graph_origin(graph, edge);
	if (origin < graph->blocks)
		block->holder = origin;
	block->pointer = graph->pointers->words[graph->word[edge]].address;
	block->interior = (graph->target[edge] & GRAPH_INTERIOR) != 0;
}

int holders_list(const struct graph *graph, const struct reach *reach,
		 const struct lost *lost, const uint8_t *kinds, uint64_t unit_ns,
		 struct profile_leaks *leaks)
{
	const struct pointers *pointers = graph->pointers;
	uint32_t *via = malloc(((size_t)lost->count + 1) * sizeof(*via));
	int r = via ? list_roots(pointers, leaks) : -ENOMEM;

	if (r == 0)
		r = search_lost(graph, lost, via);
	if (r < 0)
		goto out;
	leaks->blocks = calloc(pointers->blocks_count + 1, sizeof(*leaks->blocks));
	if (!leaks->blocks) {
		r = -ENOMEM;
		goto out;
	}
	leaks->blocks_count = pointers->blocks_count;
	for (uint32_t i = 0; i < graph->blocks; i++) {
		const struct pointers_block *from = &pointers->blocks[i];
		uint32_t number = lost->number[i];

		leaks->blocks[i] = (struct profile_block){
			.address = from->address,
			.size = from->size,
			.birth_ns = from->birth * unit_ns,
			.site = from->site,
			.thread = from->thread,
			.kind = kinds[i],
		};
		describe(graph, number == DIGRAPH_NONE ? reach->via[i] : via[number],
			 &leaks->blocks[i]);
	}
out:
	free(via);
	return r;
}
