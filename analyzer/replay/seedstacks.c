/* SPDX-License-Identifier: MIT */
#include "seedstacks.h"

#include <errno.h>
#include <stdlib.h>

#include "modulemap.h"
#include "ring.h"
#include "stacks.h"

static int take_module(void *context, const struct mft_record *record)
{
	struct modulemap *modules = context;

	return record->op == MFT_OP_MODULE ? modulemap_add(modules, record->payload) : 0;
}

static int compare_granules(const void *a, const void *b, void *context)
{
	const struct mft_ring_granule *x = ring_granule(context, *(const uint32_t *)a);
	const struct mft_ring_granule *y = ring_granule(context, *(const uint32_t *)b);

	if (x->stream != y->stream)
		return x->stream < y->stream ? -1 : 1;
	return x->index < y->index ? -1 : x->index > y->index;
}

static int sort_granules(const struct ring *ring, struct seedstacks *all)
{
	all->granules = calloc((size_t)ring->root.granules + 1, sizeof(*all->granules));
	if (!all->granules)
		return -ENOMEM;
	for (uint32_t i = 0; i < ring->root.granules; i++)
		all->granules[i] = i;
	qsort_r(all->granules, ring->root.granules, sizeof(*all->granules),
		compare_granules, (void *)ring);
	return 0;
}

/* The first granule of a stream, an index into all->granules, or one behind the last. */
static uint32_t find_granules(const struct ring *ring, const struct seedstacks *all,
			      uint32_t stream)
{
	uint32_t low = 0, high = ring->root.granules;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (ring_granule(ring, all->granules[middle])->stream < stream)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

int seedstacks_init(const struct ring *ring, struct modulemap *modules,
		    struct stacks *stacks, struct seedstacks *ret_seed)
{
	struct seedstacks *all = ret_seed;
	int r = ring_each_fact(ring, take_module, modules);

	all->count = ring->root.nodes + MFT_NODE_FIRST;
	all->frames = calloc(all->count, sizeof(*all->frames));
	if (!all->frames)
		return -ENOMEM;
	if (r == 0)
		r = sort_granules(ring, all);
	all->frames[MFT_NODE_TRUNCATED] = MFT_NODE_TRUNCATED;
	for (uint32_t i = 0; r == 0 && i < ring->root.nodes; i++) {
		const struct mft_ring_node *node = ring_node(ring, i);
		struct profile_frame frame = {
			.parent = all->frames[node->parent],
			.module = PROFILE_NO_MODULE,
			.exact = node->module & 1,
			.offset = node->offset,
		};

		r = modulemap_find(modules, node->module >> 1, &frame.module);
		if (r == 0 || r == -ENOENT)
			r = stacks_add(stacks, &frame, &all->frames[MFT_NODE_FIRST + i]);
	}
	return r;
}

void seedstacks_done(struct seedstacks *seed)
{
	free(seed->frames);
	free(seed->granules);
	*seed = (struct seedstacks){0};
}

int seedstacks_stream(const struct ring *ring, const struct seedstacks *seed,
		      uint32_t stream, struct stack_nodes *nodes)
{
	const struct mft_ring_stream *folded = ring_stream(ring, stream);
	const uint32_t due = folded ? folded->nodes : 0, each = MFT_RING_GRANULE_NODES;
	const uint32_t first = find_granules(ring, seed, stream);
	const struct mft_ring_granule *granule;
	uint32_t *own;

	for (uint32_t i = 0; (uint64_t)i * each < due; i++) {
		if (first + i >= ring->root.granules)
			return -EBADMSG;
		granule = ring_granule(ring, seed->granules[first + i]);
		if (granule->stream != stream || granule->index != i)
			return -EBADMSG;
	}
	own = stack_nodes_make(nodes, due);
	if (!own)
		return due ? -ENOMEM : 0;
	for (uint32_t i = 0; i < due; i++) {
		granule = ring_granule(ring, seed->granules[first + i / each]);
		if (granule->nodes[i % each] >= seed->count)
			return -EBADMSG;
		own[i] = seed->frames[granule->nodes[i % each]];
	}
	return 0;
}
