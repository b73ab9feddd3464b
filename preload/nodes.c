/* SPDX-License-Identifier: MIT */
#include "nodes.h"

#include <string.h>

#include "memory.h"

#define CAPACITY_FIRST 4096u

static struct node_slot *find_slot(struct node_slot *slots, uint32_t capacity,
				   uint32_t parent, uint64_t address)
{
	uint64_t h = (address ^ (uint64_t)parent << 32) * 0x9e3779b97f4a7c15ull;
	uint32_t i = (uint32_t)(h >> 32) & (capacity - 1);

	while (slots[i].number &&
	       (slots[i].address != address || slots[i].parent != parent))
		i = (i + 1) & (capacity - 1);
	return &slots[i];
}

uint32_t nodes_search(struct nodes *nodes, uint32_t parent, uint64_t address)
{
	const struct node_slot *slot;

	if (!nodes->capacity)
		return 0;
	slot = find_slot(nodes->slots, nodes->capacity, parent, address);
	if (slot->number) {
		nodes->by_number[parent].address = address;
		nodes->by_number[parent].child = slot->number;
	}
	return slot->number;
}

bool nodes_reserve(struct nodes *nodes)
{
	uint32_t capacity = nodes->capacity ? nodes->capacity * 2 : CAPACITY_FIRST;
	struct node_slot *slots;
	struct node *by_number;

	if (nodes->count + MFT_NODE_FIRST + 1 < nodes->capacity / 2)
		return true;
	if (capacity == 0)
		return false;
	slots = memory_map(capacity * sizeof(*slots));
	by_number = memory_map(capacity / 2 * sizeof(*by_number));
	if (!slots || !by_number) {
		if (slots)
			memory_unmap(slots, capacity * sizeof(*slots));
		if (by_number)
			memory_unmap(by_number, capacity / 2 * sizeof(*by_number));
		return false;
	}
	for (uint32_t i = 0; i < nodes->capacity; i++) {
		const struct node_slot *old = &nodes->slots[i];

		if (old->number)
			*find_slot(slots, capacity, old->parent, old->address) = *old;
	}
	if (nodes->capacity) {
		memcpy(by_number, nodes->by_number,
		       nodes->capacity / 2 * sizeof(*by_number));
		memory_unmap(nodes->slots, nodes->capacity * sizeof(*slots));
		memory_unmap(nodes->by_number, nodes->capacity / 2 * sizeof(*by_number));
	}
	nodes->slots = slots;
	nodes->by_number = by_number;
	nodes->capacity = capacity;
	return true;
}

uint32_t nodes_define(struct nodes *nodes, uint32_t parent, uint64_t address)
{
	struct node_slot *slot = find_slot(nodes->slots, nodes->capacity, parent, address);
	uint32_t number = MFT_NODE_FIRST + nodes->count++;

	slot->address = address;
	slot->parent = parent;
	slot->number = number;
	nodes->by_number[parent].address = address;
	nodes->by_number[parent].child = number;
	return number;
}

void nodes_clear(struct nodes *nodes)
{
	if (!nodes->capacity)
		return;
	memset(nodes->slots, 0, nodes->capacity * sizeof(*nodes->slots));
	memset(nodes->by_number, 0, nodes->capacity / 2 * sizeof(*nodes->by_number));
	nodes->count = 0;
}
