/* SPDX-License-Identifier: MIT */
#include "graph.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "interior.h"
#include "pointers.h"

/* Every so many blocks one address, so that most of a search stays in the cache. */
#define STEP_SHIFT 4

struct finder {
	const struct pointers_block *blocks;
	size_t count;
	uint64_t *steps; /* addresses of blocks 0, 16, 32, ... */
	size_t steps_count;
};

static int finder_init(struct finder *finder, const struct pointers *pointers)
{
	size_t count = pointers->blocks_count;

	finder->blocks = pointers->blocks;
	finder->count = count;
	finder->steps_count = (count + (1u << STEP_SHIFT) - 1) >> STEP_SHIFT;
	finder->steps = malloc((finder->steps_count + 1) * sizeof(*finder->steps));
	if (!finder->steps)
		return -ENOMEM;
	for (size_t i = 0; i < finder->steps_count; i++)
		finder->steps[i] = pointers->blocks[i << STEP_SHIFT].address;
	return 0;
}

static bool holds(const struct pointers_block *block, uint64_t address)
{
	return address - block->address < (block->size ? block->size : 1);
}

/* The block that an address lies in, or GRAPH_NONE. */
static uint32_t find(const struct finder *finder, uint64_t address)
{
	size_t low = 0, high = finder->steps_count, end;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (finder->steps[middle] <= address)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == 0)
		return GRAPH_NONE;
	low = (low - 1) << STEP_SHIFT;
	end = low + (1u << STEP_SHIFT);
	if (end > finder->count)
		end = finder->count;
	while (low + 1 < end && finder->blocks[low + 1].address <= address)
		low++;
	return holds(&finder->blocks[low], address) ? (uint32_t)low : GRAPH_NONE;
}

/* What lies where, walked along with the words. */
struct place {
	size_t root;  /* the first that does not end before the word */
	size_t block; /* likewise */
};

static const struct pointers_root *root_at(const struct pointers *pointers,
					   struct place *place, uint64_t address)
{
	while (place->root < pointers->roots_count &&
	       pointers->roots[place->root].end <= address)
		place->root++;
	if (place->root == pointers->roots_count ||
	    pointers->roots[place->root].start > address)
		return NULL;
	return &pointers->roots[place->root];
}

/* The block that holds all of the word, or GRAPH_NONE. */
static uint32_t block_at(const struct pointers *pointers, struct place *place,
			 uint64_t address)
{
	const struct pointers_block *block;

	while (place->block < pointers->blocks_count &&
	       pointers->blocks[place->block].address +
			       pointers->blocks[place->block].size <=
		       address)
		place->block++;
	if (place->block == pointers->blocks_count)
		return GRAPH_NONE;
	block = &pointers->blocks[place->block];
	if (block->address > address || block->size < 8 ||
	    address - block->address > block->size - 8)
		return GRAPH_NONE;
	return (uint32_t)place->block;
}

/* What each word points to, with GRAPH_INTERIOR where it does so; GRAPH_NONE: to nothing.
 */
static int find_targets(const struct pointers *pointers, uint32_t *target)
{
	struct finder finder;
	int r = finder_init(&finder, pointers);

	for (size_t i = 0; r == 0 && i < pointers->words_count; i++) {
		uint64_t value = pointers->words[i].value;
		uint32_t block = find(&finder, value);

		if (block != GRAPH_NONE && value != finder.blocks[block].address &&
		    !interior_is_start(pointers, &finder.blocks[block], value))
			block |= GRAPH_INTERIOR;
		target[i] = block;
	}
	free(finder.steps);
	return r;
}

/* How words outside of roots and blocks are taken, and those of the allocator. */
struct ways {
	bool is_glibc, is_fork;
};

/* The node that a word is in, or GRAPH_NONE. */
static uint32_t origin_of(const struct graph *graph, struct place *place,
			  const struct ways *ways, const struct pointers_word *word,
			  uint32_t target)
{
	const struct pointers *pointers = graph->pointers;
	const struct pointers_root *root = root_at(pointers, place, word->address);
	uint32_t block;

	if (!root) {
		block = block_at(pointers, place, word->address);
		if (block != GRAPH_NONE || !ways->is_fork)
			return block;
	} else if (root->kind != MFT_ROOT_MODULE) {
		return graph->blocks;
	}
	/* glibc's own words are in its data and in free chunks. */
	if (ways->is_glibc &&
	    pointers_is_chunk(&pointers->blocks[target & GRAPH_BLOCK], word->value))
		return GRAPH_NONE;
	return graph->blocks;
}

/* Adds the words in blocks, or those in roots, as edges. Returns the number of edges. */
static uint32_t add_edges(struct graph *graph, const uint32_t *targets, bool of_roots,
			  const struct ways *ways, uint32_t edges)
{
	const struct pointers *pointers = graph->pointers;
	struct place place = {0, 0};
	uint32_t filled = 0;

	for (size_t i = 0; i < pointers->words_count; i++) {
		uint32_t origin;

		if (targets[i] == GRAPH_NONE)
			continue;
		origin = origin_of(graph, &place, ways, &pointers->words[i], targets[i]);
		if (origin == GRAPH_NONE || (origin == graph->blocks) != of_roots)
			continue;
		while (!of_roots && filled <= origin)
			graph->first[filled++] = edges;
		graph->target[edges] = targets[i];
		graph->word[edges] = (uint32_t)i;
		edges++;
	}
	while (!of_roots && filled <= graph->blocks)
		graph->first[filled++] = edges;
	return edges;
}

int graph_init(struct graph *graph, const struct pointers *pointers, bool is_glibc,
	       bool is_fork)
{
	const struct ways ways = {is_glibc, is_fork};
	size_t words = pointers->words_count;
	uint32_t *targets = NULL;
	uint32_t edges;
	int r = -ENOMEM;

	memset(graph, 0, sizeof(*graph));
	if (pointers->blocks_count >= GRAPH_BLOCK || words >= GRAPH_BLOCK)
		return -EFBIG;
	graph->pointers = pointers;
	graph->blocks = (uint32_t)pointers->blocks_count;
	graph->first = calloc((size_t)graph->blocks + 2, sizeof(*graph->first));
	graph->target = malloc((words + 1) * sizeof(*graph->target));
	graph->word = malloc((words + 1) * sizeof(*graph->word));
	targets = malloc((words + 1) * sizeof(*targets));
	if (!graph->first || !graph->target || !graph->word || !targets)
		goto out;
	r = find_targets(pointers, targets);
	if (r < 0)
		goto out;
	edges = add_edges(graph, targets, false, &ways, 0);
	edges = add_edges(graph, targets, true, &ways, edges);
	graph->first[graph->blocks + 1] = edges;
out:
	free(targets);
	if (r < 0)
		graph_done(graph);
	return r;
}

void graph_done(struct graph *graph)
{
	free(graph->first);
	free(graph->target);
	free(graph->word);
	memset(graph, 0, sizeof(*graph));
}

uint32_t graph_origin(const struct graph *graph, uint32_t edge)
{
	uint32_t low = 0, high = graph->blocks;

	/* The last node that does not begin behind the edge. */
	while (low < high) {
		uint32_t middle = low + (high - low + 1) / 2;

		if (graph->first[middle] <= edge)
			low = middle;
		else
			high = middle - 1;
	}
	return low;
}
