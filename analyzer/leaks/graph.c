/* SPDX-License-Identifier: MIT */
#include "graph.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "interior.h"
#include "pointers.h"

/* A table of all addresses, and one of every eighth of them: most of a search stays in the
 * cache, the rest of it in one line. */
#define STEP_SHIFT 3
#define STEP (1u << STEP_SHIFT)

struct finder {
	const struct pointers_block *blocks;
	size_t count;
	uint64_t *addresses; /* and after them STEP that are higher than any */
	uint64_t *steps;     /* addresses of blocks 0, 8, 16, ... */
	size_t steps_count;
};

static void finder_done(struct finder *finder)
{
	free(finder->addresses);
	free(finder->steps);
}

static int finder_init(struct finder *finder, const struct pointers *pointers)
{
	size_t count = pointers->blocks_count;

	finder->blocks = pointers->blocks;
	finder->count = count;
	finder->steps_count = (count + STEP - 1) >> STEP_SHIFT;
	finder->addresses = malloc((count + STEP) * sizeof(*finder->addresses));
	finder->steps = malloc((finder->steps_count + 1) * sizeof(*finder->steps));
	if (!finder->addresses || !finder->steps)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++)
		finder->addresses[i] = pointers->blocks[i].address;
	memset(finder->addresses + count, 0xff, STEP * sizeof(*finder->addresses));
	for (size_t i = 0; i < finder->steps_count; i++)
		finder->steps[i] = finder->addresses[i << STEP_SHIFT];
	return 0;
}

/* How many of the steps are not above an address. */
static size_t steps_up_to(const struct finder *finder, uint64_t address)
{
	const uint64_t *base = finder->steps;
	size_t left = finder->steps_count;

	if (left == 0)
		return 0;
	/* Without a branch that is taken or not by chance. */
	while (left > 1) {
		size_t half = left / 2;

		base += base[half] <= address ? half : 0;
		left -= half;
	}
	return (size_t)(base - finder->steps) + (*base <= address);
}

/* The last block that does not begin above an address; GRAPH_NONE: all do. */
static uint32_t last_up_to(const struct finder *finder, size_t steps, uint64_t address)
{
	size_t first, place;

	if (steps == 0)
		return GRAPH_NONE;
	first = place = (steps - 1) << STEP_SHIFT;
	for (unsigned i = 1; i < STEP; i++)
		place += finder->addresses[first + i] <= address;
	/* The highest address there is may be in the word. */
	return (uint32_t)(place < finder->count ? place : finder->count - 1);
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

/* The block if an address lies in it, with GRAPH_INTERIOR where it does not point to its
 * start, or GRAPH_NONE. */
static uint32_t target_of(const struct pointers *pointers, uint32_t block, uint64_t value)
{
	const struct pointers_block *at = &pointers->blocks[block];

	if (value == at->address)
		return block;
	if (value - at->address >= at->size)
		return GRAPH_NONE;
	return interior_is_start(pointers, at, value) ? block : block | GRAPH_INTERIOR;
}

/* So many words are looked up side by side, each waiting for memory while others do. */
#define BATCH 32u

/* What each word points to. */
static int find_targets(const struct pointers *pointers, uint32_t *target)
{
	const struct pointers_word *words = pointers->words;
	struct finder finder = {.count = 0};
	int r = finder_init(&finder, pointers);

	for (size_t i = 0; r == 0 && i < pointers->words_count; i += BATCH) {
		size_t left = pointers->words_count - i, n = left < BATCH ? left : BATCH;
		size_t steps[BATCH];

		for (size_t k = 0; k < n; k++) {
			steps[k] = steps_up_to(&finder, words[i + k].value);
			if (steps[k])
				__builtin_prefetch(
					&finder.addresses[(steps[k] - 1) << STEP_SHIFT]);
		}
		for (size_t k = 0; k < n; k++) {
			target[i + k] = last_up_to(&finder, steps[k], words[i + k].value);
			if (target[i + k] != GRAPH_NONE)
				__builtin_prefetch(&finder.blocks[target[i + k]]);
		}
		for (size_t k = 0; k < n; k++)
			if (target[i + k] != GRAPH_NONE)
				target[i + k] = target_of(pointers, target[i + k],
							  words[i + k].value);
	}
	finder_done(&finder);
	return r;
}

/* How words outside of roots and blocks are taken, and those of the allocator. */
struct ways {
	bool is_glibc, is_fork;
};

/* The links of a free chunk (malloc.c, "malloc_chunk details": fd, bk, fd_nextsize and
 * bk_nextsize) are what these words of a block hold until the program writes there. */
#define LINKS_BYTES 32u

/* Whether a word may be such a link, and not the program's: then it leads to a chunk. */
static bool is_link(const struct graph *graph, const struct ways *ways,
		    const struct pointers_word *word, uint32_t block, uint32_t target)
{
	const struct pointers_block *blocks = graph->pointers->blocks;

	return ways->is_glibc && word->address - blocks[block].address < LINKS_BYTES &&
	       pointers_is_chunk(&blocks[target & GRAPH_BLOCK], word->value);
}

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
		if (block != GRAPH_NONE && is_link(graph, ways, word, block, target))
			return GRAPH_NONE;
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
