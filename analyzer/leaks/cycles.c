/* SPDX-License-Identifier: MIT */
#include "cycles.h"

#include <errno.h>
#include <stdlib.h>

#include "graph.h"
#include "lost.h"
#include "pointers.h"
#include "profile.h"

/* A component that is a cycle. */
struct ring {
	uint64_t bytes, retained_bytes;
	uint32_t component;
	uint32_t retained_blocks;
};

struct finder {
	const struct lost *lost;
	const struct graph *graph;
	uint32_t *first;  /* of a component's blocks in `member` */
	uint32_t *member; /* numbers, by component */
	bool *is_entered; /* by number: from outside of its cycle */
	bool *is_cycle;	  /* by component */
	uint32_t *via;	  /* by number: the edge that the search came by */
	uint32_t *queue;
	struct ring *rings;
	size_t rings_count;
};

static int finder_init(struct finder *finder, const struct lost *lost,
		       const struct graph *graph)
{
	size_t numbers = (size_t)lost->count + 1, components = (size_t)lost->components + 2;

	*finder = (struct finder){
		.lost = lost,
		.graph = graph,
		.first = calloc(components, sizeof(uint32_t)),
		.member = calloc(numbers, sizeof(uint32_t)),
		.is_entered = calloc(numbers, sizeof(bool)),
		.is_cycle = calloc(components, sizeof(bool)),
		.via = calloc(numbers, sizeof(uint32_t)),
		.queue = calloc(numbers, sizeof(uint32_t)),
	};
	return finder->first && finder->member && finder->is_entered && finder->is_cycle &&
			       finder->via && finder->queue
		       ? 0
		       : -ENOMEM;
}

static void finder_done(struct finder *finder)
{
	free(finder->first);
	free(finder->member);
	free(finder->is_entered);
	free(finder->is_cycle);
	free(finder->via);
	free(finder->queue);
	free(finder->rings);
}

static void gather_members(struct finder *finder)
{
	const struct lost *lost = finder->lost;
	uint32_t *first = finder->first;

	for (uint32_t c = 0; c < lost->components; c++)
		first[c + 1] = first[c] + lost->component_blocks[c];
	/* first[c] runs to its end, then everything moves on by one. */
	for (uint32_t i = 0; i < lost->count; i++)
		finder->member[first[lost->component[i]]++] = i;
	for (uint32_t c = lost->components; c > 0; c--)
		first[c] = first[c - 1];
	first[0] = 0;
}

/* The number of the lost block that an edge leads to, or DIGRAPH_NONE. */
static uint32_t leads_to(const struct finder *finder, uint32_t edge)
{
	return finder->lost->number[finder->graph->target[edge] & GRAPH_BLOCK];
}

/* Whether an edge from a block to itself is to its start. */
static bool is_to_start(const struct finder *finder, uint32_t edge)
{
	const struct pointers *pointers = finder->graph->pointers;

	return pointers->words[finder->graph->word[edge]].value ==
	       pointers->blocks[finder->graph->target[edge] & GRAPH_BLOCK].address;
}

static void mark(struct finder *finder)
{
	const struct lost *lost = finder->lost;
	const struct graph *graph = finder->graph;

	for (uint32_t c = 0; c < lost->components; c++)
		finder->is_cycle[c] = lost->component_blocks[c] > 1;
	for (uint32_t i = 0; i < lost->count; i++) {
		uint32_t block = lost->block[i];

		for (uint32_t e = graph->first[block]; e < graph->first[block + 1]; e++) {
			uint32_t next = leads_to(finder, e);

			if (next == DIGRAPH_NONE)
				continue;
			if (next == i)
				finder->is_cycle[lost->component[i]] |=
					is_to_start(finder, e);
			else if (lost->component[next] != lost->component[i])
				finder->is_entered[next] = true;
		}
	}
}

static struct ring weigh(const struct finder *finder, uint32_t component)
{
	const struct lost *lost = finder->lost;
	const struct pointers *pointers = finder->graph->pointers;
	struct ring ring = {.component = component};

	for (uint32_t m = finder->first[component]; m < finder->first[component + 1]; m++) {
		uint32_t i = finder->member[m], above = lost->dominator[i];

		ring.bytes += pointers->blocks[lost->block[i]].size;
		if (above < lost->count && lost->component[above] == component)
			continue; /* counted there */
		ring.retained_bytes += lost->retained_bytes[i];
		ring.retained_blocks += lost->retained_blocks[i];
	}
	return ring;
}

/* Equal ones in order of address. */
static int compare_rings(const void *a, const void *b, void *context)
{
	const struct ring *ra = a, *rb = b;
	const struct finder *finder = context;
	uint32_t fa = finder->member[finder->first[ra->component]];
	uint32_t fb = finder->member[finder->first[rb->component]];

	if (ra->retained_bytes != rb->retained_bytes)
		return ra->retained_bytes > rb->retained_bytes ? -1 : 1;
	return fa < fb ? -1 : fa > fb;
}

static int weigh_all(struct finder *finder, struct profile_leaks *leaks)
{
	size_t count = 0;

	for (uint32_t c = 0; c < finder->lost->components; c++)
		count += finder->is_cycle[c];
	finder->rings = calloc(count + 1, sizeof(*finder->rings));
	if (!finder->rings)
		return -ENOMEM;
	for (uint32_t c = 0; c < finder->lost->components; c++) {
		struct ring ring;

		if (!finder->is_cycle[c])
			continue;
		ring = weigh(finder, c);
		finder->rings[finder->rings_count++] = ring;
		leaks->in_cycles.bytes += ring.bytes;
		leaks->in_cycles.blocks += finder->lost->component_blocks[c];
	}
	leaks->cycles_total = finder->rings_count;
	if (finder->rings_count > 0)
		qsort_r(finder->rings, finder->rings_count, sizeof(*finder->rings),
			compare_rings, finder);
	return 0;
}

/* ---- The way round ------------------------------------------------------------------ */

static uint32_t find_begin(const struct finder *finder, uint32_t component)
{
	const struct lost *lost = finder->lost;
	const struct pointers_block *blocks = finder->graph->pointers->blocks;
	uint32_t begin = DIGRAPH_NONE;

	for (uint32_t m = finder->first[component]; m < finder->first[component + 1]; m++) {
		uint32_t i = finder->member[m];

		if (lost->component_entered[component] && !finder->is_entered[i])
			continue;
		if (begin == DIGRAPH_NONE ||
		    blocks[lost->block[i]].birth < blocks[lost->block[begin]].birth)
			begin = i;
	}
	return begin;
}

/* Searches a shortest way from a block back to it. Returns its last edge; `via` holds the
 * others. */
static uint32_t find_way(struct finder *finder, uint32_t begin)
{
	const struct lost *lost = finder->lost;
	const struct graph *graph = finder->graph;
	uint32_t component = lost->component[begin], head = 0, tail = 0;
	bool alone = lost->component_blocks[component] == 1;

	finder->queue[tail++] = begin;
	finder->via[begin] = GRAPH_NONE;
	for (; head < tail; head++) {
		uint32_t i = finder->queue[head], block = lost->block[i];

		for (uint32_t e = graph->first[block]; e < graph->first[block + 1]; e++) {
			uint32_t next = leads_to(finder, e);

			if (next == DIGRAPH_NONE || lost->component[next] != component)
				continue;
			if (next == begin &&
			    (i != begin || (alone && is_to_start(finder, e))))
				return e;
			if (next == begin || finder->via[next] != 0)
				continue;
			/* Edges count from 0, and 0 is "not seen": one more. */
			finder->via[next] = e + 1;
			finder->queue[tail++] = next;
		}
	}
	return GRAPH_NONE; /* cannot be: it is on a cycle */
}

static struct profile_step step_of(const struct graph *graph, uint32_t edge)
{
	const struct pointers *pointers = graph->pointers;
	const struct pointers_word *word = &pointers->words[graph->word[edge]];
	const struct pointers_block *from = &pointers->blocks[graph_origin(graph, edge)];
	const struct pointers_block *to =
		&pointers->blocks[graph->target[edge] & GRAPH_BLOCK];

	return (struct profile_step){
		.site = from->site,
		.address = from->address,
		.offset = word->address - from->address,
		.target_offset = word->value - to->address,
	};
}

/* The edge before one on the way found, or GRAPH_NONE. */
static uint32_t edge_before(const struct finder *finder, uint32_t edge, uint32_t begin)
{
	uint32_t i = finder->lost->number[graph_origin(finder->graph, edge)];

	return i == begin ? GRAPH_NONE : finder->via[i] - 1;
}

static void describe(struct finder *finder, const struct ring *ring,
		     struct profile_cycle *cycle)
{
	const struct lost *lost = finder->lost;
	uint32_t begin = find_begin(finder, ring->component);
	uint32_t closing = find_way(finder, begin);
	uint64_t place;

	*cycle = (struct profile_cycle){
		.blocks = lost->component_blocks[ring->component],
		.bytes = ring->bytes,
		.retained_blocks = ring->retained_blocks,
		.retained_bytes = ring->retained_bytes,
		.entered = lost->component_entered[ring->component],
	};
	if (closing == GRAPH_NONE)
		return;
	cycle->closing = step_of(finder->graph, closing);
	for (uint32_t e = closing; e != GRAPH_NONE; e = edge_before(finder, e, begin))
		cycle->length++;
	place = cycle->length;
	for (uint32_t e = closing; e != GRAPH_NONE; e = edge_before(finder, e, begin))
		if (--place < PROFILE_CYCLE_STEPS)
			cycle->steps[place] = step_of(finder->graph, e);
}

int cycles_find(const struct lost *lost, const struct graph *graph,
		struct profile_leaks *leaks)
{
	struct finder finder;
	size_t count;
	int r = finder_init(&finder, lost, graph);

	if (r < 0)
		goto out;
	gather_members(&finder);
	mark(&finder);
	r = weigh_all(&finder, leaks);
	if (r < 0)
		goto out;
	count = finder.rings_count < PROFILE_CYCLES_MOST ? finder.rings_count
							 : PROFILE_CYCLES_MOST;
	leaks->cycles = calloc(count + 1, sizeof(*leaks->cycles));
	if (!leaks->cycles) {
		r = -ENOMEM;
		goto out;
	}
	leaks->cycles_count = count;
	for (size_t i = 0; i < count; i++)
		describe(&finder, &finder.rings[i], &leaks->cycles[i]);
out:
	finder_done(&finder);
	return r;
}
