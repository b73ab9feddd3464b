/* SPDX-License-Identifier: MIT */
/*
 * stack.h - the calling thread's stack as the number of a node in the recorder's tree.
 *
 * stack_capture is the one narrow place that knows how stacks are taken. A node is a frame
 * under its caller's node; nodes are defined in the stream the first time they are seen.
 *
 * The last stack is remembered: where each return address lies, its value, its node. A new
 * stack is walked from the innermost frame until it meets a remembered one, and what is
 * beyond is then compared with memory instead of walked. That is sound: a frame that was
 * reached by call frame information, with the same slot and the same value (and the same
 * frame pointer, where a frame beyond is found by it), has its caller's slot at the same
 * place; so each comparison vouches for the next. Nothing beyond a signal frame is
 * remembered: the interrupted stack may be gone when the handler's is met again.
 * In front of the walk are the paths from innermost frames to remembered ones that were
 * walked before (paths.h).
 *
 * Guarantees: reads only; the program's stack is used by a few hundred bytes. A stack that
 * is cut by the depth limit or that ends before an outermost frame hangs under
 * MFT_NODE_TRUNCATED. errno is kept.
 * Memory: anonymous mappings owned by struct stack_memory, growing with distinct stacks.
 */
#ifndef STACK_H
#define STACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config.h"
#include "modules.h"
#include "nodes.h"
#include "paths.h"
#include "walk.h"

struct recorder;

/* A word of the stack that a remembered frame depends on. */
struct stack_check {
	uintptr_t address;
	uintptr_t value;
};

/* This frame's caller, or one beyond, is found by the frame pointer. */
#define STACK_NEEDS_FP (1u << 31)

/* A remembered frame. */
struct stack_frame {
	uintptr_t slot;
	uintptr_t pc;
	uintptr_t fp;
	uint32_t node;
	uint32_t vouched; /* how many of the checks are about the frames outwards of this
			   * one; with STACK_NEEDS_FP */
};
_Static_assert(sizeof(struct stack_frame) == 32, "half a cache line");

/* A frame walked just now. */
struct stack_fresh {
	uintptr_t slot;
	uint64_t address; /* pc, with NODES_EXACT where it was interrupted */
	uintptr_t fp;
	walk_rule rule;
};

#define STACK_SLOTS 1024u /* a power of two */

/* Per recorder. Zero-filled is the initial state. */
struct stack_memory {
	uint32_t depth;	    /* of the remembered stack: frames[depth] is innermost */
	uint32_t innermost; /* the same in bytes from frames */
	/* What stack_find_change gives for a stack that may be taken as it is: checks, or
	 * something it never gives. */
	const struct stack_check *same;
	uint32_t modules_generation; /* of modules.h, that the rules are valid for */
	uint32_t unload_generation;  /* that the nodes are valid for */
	uint32_t root;		     /* what the remembered stack hangs under */
	bool cut;		     /* by the depth limit */
	struct nodes nodes;
	uintptr_t never; /* what checks[0] looks at */
	/* Outermost first, from 1; frames[0] is like none. */
	struct stack_frame frames[CONFIG_DEPTH_MAX + 1] __attribute__((aligned(64)));
	/* For each frame but the innermost its return address, and its frame pointer where
	 * that matters and its callee saved it. From 1; see stack_find_change. */
	struct stack_check checks[2 * CONFIG_DEPTH_MAX + 1];
	/* Which frame was last remembered at a slot of this hash: where to look, not more.
	 */
	uint16_t at_slot[STACK_SLOTS];
	struct stack_fresh fresh[CONFIG_DEPTH_MAX]; /* innermost first */
	struct walk_rules rules;
	struct paths paths;
	uint32_t detour; /* frames gone by paths since the stack was last remembered */
	uintptr_t pcs[CONFIG_DEPTH_MAX]; /* from the reference unwinder */
	uint32_t unchecked; /* stacks since the last one that was compared with it */
};

/* The slow part of stack_capture. */
uint32_t stack_capture_changed(struct recorder *recorder, struct stack_memory *memory,
			       const void *frame_address);

static inline bool stack_check_fails(const struct stack_check *check)
{
	return *(const uintptr_t *)check->address != check->value;
}

/* The innermost check about frames outwards of `frame` that is not as it was, or checks:
 * all are. Each one read is known to be the stack's because the one before it was right.
 * checks[0] never is as it was, and ends the search. */
static inline const struct stack_check *stack_find_change(const struct stack_memory *m,
							  const struct stack_frame *frame)
{
	const struct stack_check *check = &m->checks[frame->vouched & ~STACK_NEEDS_FP];

	/* Unrolled by hand: gcc keeps a second pointer. */
	for (;; check -= 4) {
		if (stack_check_fails(check))
			break;
		if (stack_check_fails(check - 1)) {
			check -= 1;
			break;
		}
		if (stack_check_fails(check - 2)) {
			check -= 2;
			break;
		}
		if (stack_check_fails(check - 3)) {
			check -= 3;
			break;
		}
	}
	return check;
}

/* Whether a frame that was reached by call frame information is a remembered one. address:
 * as in struct stack_fresh; one that was interrupted is like none. */
static inline bool stack_frame_matches(const struct stack_frame *known, uintptr_t slot,
				       uint64_t address, uintptr_t fp)
{
	/* Joined: slots alone often agree, which makes for branches that are hard to
	 * foresee. */
	return ((known->slot ^ slot) | (known->pc ^ address)) == 0 &&
	       (!(known->vouched & STACK_NEEDS_FP) || known->fp == fp);
}

/* The stack of the function whose frame address this is, without that function itself.
 * Returns the innermost frame's node; MFT_NODE_TRUNCATED when nothing could be captured or
 * recorded. */
static inline uint32_t stack_capture(struct recorder *recorder, struct stack_memory *m,
				     const void *frame_address)
{
#if WALK_IS_NATIVE
	const struct walk_frame frame = walk_start(frame_address);
	const struct stack_frame *known =
		(const struct stack_frame *)((const char *)m->frames + m->innermost);

	/* Mostly the very stack of the last time. */
	if (__builtin_expect(stack_frame_matches(known, frame.slot, frame.pc, frame.fp) &&
				     !modules_changed(m->modules_generation) &&
				     stack_find_change(m, known) == m->same,
			     1))
		return known->node;
#endif
	return stack_capture_changed(recorder, m, frame_address);
}

#endif
