/* SPDX-License-Identifier: MIT */
/*
 * nodes.h - the tree of a recorder's call stacks: (caller's node, code address) -> number.
 *
 * Guarantees: numbers are handed out in the order of definition, from MFT_NODE_FIRST.
 * Threads: one. Memory: one anonymous mapping that doubles.
 */
#ifndef NODES_H
#define NODES_H

#include <stdbool.h>
#include <stdint.h>

#include "mft_format.h"

#define NODES_EXACT (1ull << 63) /* in an address: it was interrupted, not called from */

struct nodes {
	struct node_slot {
		uint64_t address;
		uint32_t parent;
		uint32_t number; /* 0: free */
	} * slots;		 /* hash table, at most half full */
	uint32_t mask;		 /* capacity of slots, a power of two, minus one */
	uint32_t count;		 /* defined so far */
};

/* Slots there are; 0 before the first reservation. */
static inline uint32_t nodes_capacity(const struct nodes *nodes)
{
	return nodes->slots ? nodes->mask + 1 : 0;
}

/* Where the search for a node begins. The address's part can be worked out while the parent
 * is still being looked for. Parents are numbered one after the other: the factor keeps
 * those that share an address from lying in a row, where others would run into them. */
static inline uint32_t nodes_hash(uint32_t parent, uint64_t address)
{
	return (uint32_t)(address * 0x9e3779b97f4a7c15ull >> 32) + parent * 0x9e3779b1u;
}

/* The slow half of nodes_find. */
uint32_t nodes_search(const struct nodes *nodes, uint32_t parent, uint64_t address);

/* The number of the node, or 0: it is not defined. address: not 0. To be called after
 * nodes_reserve has succeeded once. */
static inline uint32_t nodes_find(const struct nodes *nodes, uint32_t parent,
				  uint64_t address)
{
	const struct node_slot *slot =
		&nodes->slots[nodes_hash(parent, address) & nodes->mask];

	if (__builtin_expect(slot->address == address && slot->parent == parent, 1))
		return slot->number;
	return nodes_search(nodes, parent, address);
}

/* Makes room for one more. Returns false when memory is short. */
bool nodes_reserve(struct nodes *nodes);

/* The same for so many in all. */
bool nodes_enlarge(struct nodes *nodes, uint32_t count);

/* Defines a node, after nodes_reserve; it must not be there. Returns its number. */
uint32_t nodes_define(struct nodes *nodes, uint32_t parent, uint64_t address);

/* Forgets all; numbers start anew. */
void nodes_clear(struct nodes *nodes);

#endif
