/* SPDX-License-Identifier: MIT */
/*
 * stacks.h - the call stacks of all threads as one tree of frames.
 *
 * Every stream of a dump numbers its own stack nodes; `stack_nodes` translates them into
 * frames of one tree, in which the same call from the same caller is one frame, whichever
 * threads made it.
 * Guarantees: a frame's parent has a smaller index; frames 0 and 1 are the roots.
 * Threads: one at a time. Memory: about 35 bytes a frame, 4 a node of a stream.
 */
#ifndef STACKS_H
#define STACKS_H

#include <errno.h>
#include <stddef.h>
#include <stdint.h>

#include "mft_codec.h"
#include "profile.h"

struct modulemap;

struct stacks {
	struct profile_frame *frames;
	size_t count, room;
	uint32_t *table; /* indexes of frames, 0: empty */
	size_t table_slots;
};

/* The frames that a stream's node numbers stand for. All zeros: no node but the roots. */
struct stack_nodes {
	uint32_t *frames; /* by number less MFT_NODE_FIRST */
	uint32_t count, room;
};

/* A tree of the two roots. Returns 0 or -ENOMEM. */
int stacks_init(struct stacks *stacks);
void stacks_done(struct stacks *stacks);

/* Sets *ret_frame to the frame that equals *frame, adding it if it is new. Its parent must
 * be one of the tree. Returns 0 or -ENOMEM. */
int stacks_add(struct stacks *stacks, const struct profile_frame *frame,
	       uint32_t *ret_frame);

/* Takes in a NODE record as the stream's next node. Returns 0; -EBADMSG: its parent is not
 * defined; -ENOENT: no module has its id (the node then counts, as one without a module);
 * -ENOMEM, or what pread says. */
int stack_nodes_define(struct stack_nodes *nodes, const struct mft_record *record,
		       struct stacks *stacks, struct modulemap *modules);

/* Makes `count` nodes at once where there are none, to be filled in by the caller. Returns
 * their frames, by number less MFT_NODE_FIRST; NULL: no memory, or none were asked for. */
uint32_t *stack_nodes_make(struct stack_nodes *nodes, uint32_t count);

/* Numbers start anew. */
void stack_nodes_reset(struct stack_nodes *nodes);
void stack_nodes_done(struct stack_nodes *nodes);

/* Sets *ret_frame to what a node number stands for. Returns 0, or -EBADMSG: it is not
 * defined. */
static inline int stack_nodes_find(const struct stack_nodes *nodes, uint32_t node,
				   uint32_t *ret_frame)
{
	if (__builtin_expect(node < MFT_NODE_FIRST, 0)) {
		*ret_frame = node;
		return 0;
	}
	if (__builtin_expect(node - MFT_NODE_FIRST >= nodes->count, 0))
		return -EBADMSG;
	*ret_frame = nodes->frames[node - MFT_NODE_FIRST];
	return 0;
}

#endif
