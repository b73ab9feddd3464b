/* SPDX-License-Identifier: MIT */
/*
 * fold_stacks.h - the call stacks in the state of a ring dump: one tree for all streams,
 * and for each stream the map from its own node numbers to those of the tree.
 *
 * Threads: one at a time. Memory: 16 bytes of the dump for a node, and up to 16 in memory;
 * 4 and 8 for each node of a stream.
 */
#ifndef FOLD_STACKS_H
#define FOLD_STACKS_H

#include <stdbool.h>
#include <stdint.h>

#include "fold_state.h"
#include "mft_codec.h"

struct fold_stacks {
	struct fold_state *state;
	struct fold_stacks_slot {
		uint64_t offset;
		uint32_t parent, module; /* as in mft_ring_node */
		uint32_t number;	 /* 0: empty */
	} * slots;			 /* hash table, at most half full */
	uint32_t slots_room;		 /* a power of two */
};

/* A stream's map. All zeros: no node but the roots. */
struct fold_nodemap {
	uint32_t *nodes; /* by number less MFT_NODE_FIRST */
	uint32_t count, room;
	uint32_t *granules; /* of the dump */
	uint32_t granules_count, granules_room;
};

/* What defining a node takes of the journal at most. */
#define FOLD_STACKS_BYTES 256u

int fold_stacks_begin(struct fold_stacks *stacks, struct fold_state *state);
void fold_stacks_done(struct fold_stacks *stacks);

/* Takes in a NODE record as the next node of a stream. Returns 0; -EBADMSG: its parent is
 * not defined; or another negative errno. */
int fold_stacks_define(struct fold_stacks *stacks, struct fold_nodemap *map,
		       uint32_t stream, const struct mft_record *record);

/* Numbers start anew. */
static inline void fold_nodemap_reset(struct fold_nodemap *map)
{
	map->count = 0;
}

void fold_nodemap_done(struct fold_nodemap *map);

/* Sets *ret_node to the node of the tree that a stream's number stands for. Returns whether
 * it is defined. */
static inline bool fold_nodemap_find(const struct fold_nodemap *map, uint32_t number,
				     uint32_t *ret_node)
{
	if (__builtin_expect(number < MFT_NODE_FIRST, 0)) {
		*ret_node = number;
		return true;
	}
	if (__builtin_expect(number - MFT_NODE_FIRST >= map->count, 0))
		return false;
	*ret_node = map->nodes[number - MFT_NODE_FIRST];
	return true;
}

#endif
