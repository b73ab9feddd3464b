/* SPDX-License-Identifier: MIT */
#include "nodes.h"

#include <string.h>

#include "memory.h"

#define CAPACITY_FIRST 4096u

static struct node_slot *find_slot(struct node_slot *slots, uint32_t mask, uint32_t parent,
				   uint64_t address)
{
	uint32_t i = nodes_hash(parent, address) & mask;

	while (slots[i].number &&
	       (slots[i].address != address || slots[i].parent != parent))
		i = (i + 1) & mask;
	return &slots[i];
}

uint32_t nodes_search(const struct nodes *nodes, uint32_t parent, uint64_t address)
{
	return find_slot(nodes->slots, nodes->mask, parent, address)->number;
}

/* Moves all to a table of so many slots. */
static bool enlarge(struct nodes *nodes, uint32_t capacity)
{
	uint32_t old = nodes_capacity(nodes);
	struct node_slot *slots;

	slots = memory_map(capacity * sizeof(*slots));
	if (!slots)
		return false;
	for (uint32_t i = 0; i < old; i++) {
		const struct node_slot *node = &nodes->slots[i];

		if (node->number)
			*find_slot(slots, capacity - 1, node->parent, node->address) =
				*node;
	}
	if (old)
		memory_unmap(nodes->slots, old * sizeof(*slots));
	nodes->slots = slots;
	nodes->mask = capacity - 1;
	return true;
}

bool nodes_reserve(struct nodes *nodes)
{
	uint32_t old = nodes_capacity(nodes), capacity = old ? old * 2 : CAPACITY_FIRST;

	if (nodes->count + 1 < old / 2)
		return true;
	return capacity != 0 && enlarge(nodes, capacity);
}

bool nodes_enlarge(struct nodes *nodes, uint32_t count)
{
	uint32_t capacity = CAPACITY_FIRST;

	while (capacity / 2 <= count)
		capacity *= 2;
	return capacity <= nodes_capacity(nodes) || enlarge(nodes, capacity);
}

uint32_t nodes_define(struct nodes *nodes, uint32_t parent, uint64_t address)
{
	struct node_slot *slot = find_slot(nodes->slots, nodes->mask, parent, address);

	slot->address = address;
	slot->parent = parent;
	slot->number = MFT_NODE_FIRST + nodes->count++;
	return slot->number;
}

void nodes_clear(struct nodes *nodes)
{
	memset(nodes->slots, 0, nodes_capacity(nodes) * sizeof(*nodes->slots));
	nodes->count = 0;
}
