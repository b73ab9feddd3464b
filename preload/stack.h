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
 * remembered: the interrupted stack may be gone when the handler's is met again. Frames
 * seen before the last stack are kept as "spots", found by slot and value and followed in
 * the same way until they lead to a remembered frame.
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
#include "walk.h"

struct recorder;

/* A word of the stack that a remembered frame depends on. */
struct stack_check {
	uintptr_t address;
	uintptr_t value;
};

/* A remembered frame. */
struct stack_frame {
	uintptr_t slot;
	uintptr_t pc;
	uintptr_t fp;
	uint32_t node;
	uint32_t checks; /* how many of the checks are about the frames outwards of this one
			  */
	bool needs_fp;	 /* this frame's caller, or one beyond, is found by fp */
};

/* A frame that was seen somewhere, with what leads to its caller: for stacks that change to
 * and fro. It counts only while all of its words are as they were. */
struct stack_spot {
	uintptr_t slot; /* bit 0: needs_fp */
	uintptr_t pc;
	uintptr_t fp;
	uintptr_t caller_slot;
	uintptr_t caller_pc;
	struct stack_check check; /* the last one about the caller */
	uint32_t node;
	uint32_t caller_node;
};
_Static_assert(sizeof(struct stack_spot) <= 64, "one cache line");

#define STACK_SPOTS_LOG2 10
#define STACK_SPOTS_FOLLOWED 12 /* so many, until a remembered frame is met */

/* Per recorder. Zero-filled is the initial state. */
struct stack_memory {
	struct nodes nodes;
	uint32_t modules_generation; /* of modules.h, that the rules are valid for */
	uint32_t unload_generation;  /* that the nodes are valid for */
	uint32_t depth;		     /* of the remembered stack, outermost frame first */
	uint32_t root;		     /* what it hangs under */
	bool cut;		     /* by the depth limit */
	bool always_slow;	     /* stacks are compared with the reference unwinder's */
	struct stack_frame frames[CONFIG_DEPTH_MAX];
	/* For each frame but the innermost its return address, and its frame pointer where
	 * that matters and its callee saved it. From index 1; see stack_find_change. */
	struct stack_check checks[2 * CONFIG_DEPTH_MAX + 1];
	uintptr_t never; /* what checks[0] looks at */
	struct stack_spot spots[1 << STACK_SPOTS_LOG2] __attribute__((aligned(64)));
	/* Walked just now, innermost first. */
	struct stack_fresh {
		uintptr_t slot;
		uint64_t address; /* pc, with NODES_EXACT where it was interrupted */
		uintptr_t fp;
		struct cfi_rule rule;
	} fresh[CONFIG_DEPTH_MAX];
	struct walk_rules rules;
	uintptr_t pcs[CONFIG_DEPTH_MAX]; /* from the reference unwinder */
	uint32_t unchecked; /* stacks since the last one that was compared with it */
};

/* The slow part of stack_capture. */
uint32_t stack_capture_changed(struct recorder *recorder, struct stack_memory *memory,
			       const void *frame_address);

/* The number of the innermost check about frames outwards of `frame` that is not as it was,
 * 0: all are. Each
 * one read is known to be the stack's because the one before it was right. checks[0] never
 * is as it was, and ends the search. */
static inline uint32_t stack_find_change(const struct stack_memory *m,
					 const struct stack_frame *frame)
{
	const struct stack_check *check = &m->checks[frame->checks];

	while (*(const uintptr_t *)check->address == check->value)
		check--;
	return (uint32_t)(check - m->checks);
}

static inline bool stack_frame_matches(const struct stack_frame *known,
				       const struct walk_frame *frame)
{
	return known->slot == frame->slot && known->pc == frame->pc && !frame->exact &&
	       (!known->needs_fp || known->fp == frame->fp);
}

/* The stack of the function whose frame address this is, without that function itself.
 * Returns the innermost frame's node; MFT_NODE_TRUNCATED when nothing could be captured or
 * recorded. */
static inline uint32_t stack_capture(struct recorder *recorder, struct stack_memory *m,
				     const void *frame_address)
{
#if WALK_IS_NATIVE
	const struct walk_frame frame = walk_start(frame_address);
	const struct stack_frame *known = &m->frames[m->depth - 1];

	/* Mostly the very stack of the last time. */
	if (__builtin_expect(m->depth && stack_frame_matches(known, &frame) &&
				     !modules_changed(m->modules_generation) &&
				     stack_find_change(m, known) == 0 && !m->always_slow,
			     1))
		return known->node;
#endif
	return stack_capture_changed(recorder, m, frame_address);
}

#endif
