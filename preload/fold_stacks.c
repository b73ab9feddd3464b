/* SPDX-License-Identifier: MIT */
#include "fold_stacks.h"

#include <errno.h>
#include <string.h>

#include "memory.h"

#define SLOTS_FIRST 1024u

static uint32_t hash(uint64_t offset, uint32_t parent, uint32_t module)
{
	uint64_t h = offset * 0x9e3779b97f4a7c15ull;

	h ^= (uint64_t)parent << 32 | module;
	h *= 0xff51afd7ed558ccdull;
	return (uint32_t)(h >> 32);
}

static struct fold_stacks_slot *find(const struct fold_stacks *stacks, uint64_t offset,
				     uint32_t parent, uint32_t module)
{
	uint32_t mask = stacks->slots_room - 1, i = hash(offset, parent, module) & mask;

	for (;; i = (i + 1) & mask) {
		struct fold_stacks_slot *slot = &stacks->slots[i];

		if (slot->number == 0 || (slot->offset == offset &&
					  slot->parent == parent && slot->module == module))
			return slot;
	}
}

int fold_stacks_begin(struct fold_stacks *stacks, struct fold_state *state)
{
	memset(stacks, 0, sizeof(*stacks));
	stacks->state = state;
	stacks->slots = memory_map(SLOTS_FIRST * sizeof(*stacks->slots));
	if (!stacks->slots)
		return -ENOMEM;
	stacks->slots_room = SLOTS_FIRST;
	return 0;
}

void fold_stacks_done(struct fold_stacks *stacks)
{
	if (stacks->slots_room)
		memory_unmap(stacks->slots, stacks->slots_room * sizeof(*stacks->slots));
	memset(stacks, 0, sizeof(*stacks));
}

static int grow(struct fold_stacks *stacks)
{
	struct fold_stacks grown = {.slots_room = 2 * stacks->slots_room};

	if (grown.slots_room == 0)
		return -ENOMEM;
	grown.slots = memory_map(grown.slots_room * sizeof(*grown.slots));
	if (!grown.slots)
		return -ENOMEM;
	for (uint32_t i = 0; i < stacks->slots_room; i++) {
		const struct fold_stacks_slot *slot = &stacks->slots[i];

		if (slot->number)
			*find(&grown, slot->offset, slot->parent, slot->module) = *slot;
	}
	memory_unmap(stacks->slots, stacks->slots_room * sizeof(*stacks->slots));
	stacks->slots = grown.slots;
	stacks->slots_room = grown.slots_room;
	return 0;
}

/* Adds a node to the tree, in the dump and in the table. */
static int add(struct fold_stacks *stacks, const struct mft_ring_node *node,
	       uint32_t *ret_number)
{
	struct fold_state *state = stacks->state;
	const uint32_t index = state->now.nodes;
	struct fold_stacks_slot *slot;
	struct fold_chunk chunk;
	struct mft_ring_node *place;
	int r = 0;

	if (index >= stacks->slots_room / 2)
		r = grow(stacks);
	if (r == 0 &&
	    index == state->nodes.count *
			     ((state->chunk_bytes - MFT_RING_CONTENTS) / sizeof(*node)))
		r = fold_state_grow(state, &state->nodes, MFT_RING_NODES);
	if (r < 0)
		return r;
	/* Beyond the nodes that count: there is nothing to keep. */
	place = fold_state_element(state, &state->nodes, index, sizeof(*node), &chunk);
	*place = *node;
	state->now.nodes++;
	slot = find(stacks, node->offset, node->parent, node->module);
	slot->offset = node->offset;
	slot->parent = node->parent;
	slot->module = node->module;
	slot->number = MFT_NODE_FIRST + index;
	*ret_number = slot->number;
	return 0;
}

/* Another granule for a stream. */
static int add_granule(struct fold_stacks *stacks, struct fold_nodemap *map,
		       uint32_t stream)
{
	struct fold_state *state = stacks->state;
	const uint32_t index = state->now.granules;
	struct mft_ring_granule *granule;
	struct fold_chunk chunk;
	int r = 0;

	if (map->granules_count == map->granules_room) {
		void *array = map->granules;

		r = fold_state_regrow(&array, &map->granules_room, 0,
				      sizeof(*map->granules));
		map->granules = array;
	}
	if (r == 0 &&
	    index == state->granules.count *
			     ((state->chunk_bytes - MFT_RING_CONTENTS) / sizeof(*granule)))
		r = fold_state_grow(state, &state->granules, MFT_RING_NODEMAP);
	if (r < 0)
		return r;
	granule = fold_state_element(state, &state->granules, index, sizeof(*granule),
				     &chunk);
	granule->stream = stream;
	granule->index = map->granules_count;
	map->granules[map->granules_count++] = index;
	state->now.granules++;
	return 0;
}

static int map_node(struct fold_stacks *stacks, struct fold_nodemap *map, uint32_t stream,
		    uint32_t node)
{
	struct fold_state *state = stacks->state;
	const uint32_t granule_index = map->count / MFT_RING_GRANULE_NODES;
	struct mft_ring_granule *granule;
	struct fold_chunk chunk;
	uint32_t *place;
	int r = 0;

	if (map->count == map->room) {
		void *array = map->nodes;

		r = fold_state_regrow(&array, &map->room, 0, sizeof(*map->nodes));
		map->nodes = array;
	}
	if (r == 0 && granule_index == map->granules_count)
		r = add_granule(stacks, map, stream);
	if (r < 0)
		return r;
	granule = fold_state_element(state, &state->granules, map->granules[granule_index],
				     sizeof(*granule), &chunk);
	place = &granule->nodes[map->count % MFT_RING_GRANULE_NODES];
	/* It may have meant something before NODES_RESET. */
	if (*place)
		fold_state_keep(state, &chunk, place, sizeof(*place));
	*place = node;
	map->nodes[map->count++] = node;
	return 0;
}

int fold_stacks_define(struct fold_stacks *stacks, struct fold_nodemap *map,
		       uint32_t stream, const struct mft_record *record)
{
	struct mft_ring_node node = {.offset = record->address,
				     .module = record->module << 1 | record->exact};
	uint32_t number;
	int r = 0;

	if (!fold_nodemap_find(map, record->parent, &node.parent) ||
	    record->module > UINT32_MAX / 2)
		return -EBADMSG;
	number = find(stacks, node.offset, node.parent, node.module)->number;
	if (number == 0)
		r = add(stacks, &node, &number);
	return r < 0 ? r : map_node(stacks, map, stream, number);
}

void fold_nodemap_done(struct fold_nodemap *map)
{
	if (map->room)
		memory_unmap(map->nodes, map->room * sizeof(*map->nodes));
	if (map->granules_room)
		memory_unmap(map->granules, map->granules_room * sizeof(*map->granules));
	memset(map, 0, sizeof(*map));
}
