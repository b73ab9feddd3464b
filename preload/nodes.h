/* SPDX-License-Identifier: MIT */
/*
 * nodes.h - the tree of a recorder's call stacks: (caller's node, code address) -> number.
 *
 * Guarantees: numbers are handed out in the order of definition, from MFT_NODE_FIRST; the
 * most recent child of a node is found with one look.
 * Threads: one. Memory: two anonymous mappings that double.
 */
#ifndef NODES_H
#define NODES_H

#include <stdbool.h>
#include <stdint.h>

#include "mft_format.h"

#define NODES_EXACT (1ull << 63) /* in an address: it was interrupted, not called from */

struct nodes {
	struct node {		  /* by number */
		uint64_t address; /* of the child found last */
		uint32_t child;	  /* its number; 0: none */
	} * by_number;
	struct node_slot {
		uint64_t address;
		uint32_t parent;
		uint32_t number; /* 0: free */
	} * slots;		 /* hash table */
	uint32_t capacity;	 /* of slots; a power of two; by_number has half of it */
	uint32_t count;		 /* defined so far */
};

/* The slow half of nodes_find. */
uint32_t nodes_search(struct nodes *nodes, uint32_t parent, uint64_t address);

/* The number of the node, or 0: it is not defined. */
static inline uint32_t nodes_find(struct nodes *nodes, uint32_t parent, uint64_t address)
{
	if (__builtin_expect(parent < nodes->count + MFT_NODE_FIRST && nodes->by_number,
			     1)) {
		const struct node *node = &nodes->by_number[parent];

		if (__builtin_expect(node->address == address && node->child, 1))
			return node->child;
	}
	return nodes_search(nodes, parent, address);
}

/* Makes room for one more. Returns false when memory is short. */
bool nodes_reserve(struct nodes *nodes);

/* Defines a node, after nodes_reserve; it must not be there. Returns its number. */
uint32_t nodes_define(struct nodes *nodes, uint32_t parent, uint64_t address);

/* Forgets all; numbers start anew. */
void nodes_clear(struct nodes *nodes);

#endif
