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
#include "nodes.h"
#include "walk.h"

struct recorder;

/* What vouches for a remembered frame: two words of the stack, the return address and
 * (fp_slot is slot and fp_check is pc where it does not matter) its frame pointer, where
 * its callee saved that. */
struct stack_frame {
	uintptr_t slot;
	uintptr_t pc;
	uintptr_t fp_slot;
	uintptr_t fp_check;
};

/* What else is known of it. */
struct stack_detail {
	uintptr_t fp;
	struct cfi_rule rule; /* to its caller */
	uint32_t node;
	bool needs_fp; /* this frame's caller, or one beyond, is found by fp */
};

/* Per recorder. Zero-filled is the initial state. */
struct stack_memory {
	struct nodes nodes;
	uint32_t modules_generation; /* of modules.h, that the rules are valid for */
	uint32_t unload_generation;  /* that the nodes are valid for */
	uint32_t depth;		     /* of the remembered stack, outermost frame first */
	uint32_t root;		     /* what it hangs under */
	bool cut;		     /* by the depth limit */
	struct stack_frame frames[CONFIG_DEPTH_MAX];
	struct stack_detail details[CONFIG_DEPTH_MAX];
	/* Walked just now, innermost first. */
	struct stack_fresh {
		struct walk_frame frame;
		struct cfi_rule rule;
	} fresh[CONFIG_DEPTH_MAX];
	struct walk_rules rules;
	uintptr_t pcs[CONFIG_DEPTH_MAX]; /* from the reference unwinder */
	uint32_t unchecked; /* stacks since the last one that was compared with it */
};

/* The stack of the function whose frame address this is, without that function itself.
 * Returns the innermost frame's node; MFT_NODE_TRUNCATED when nothing could be captured or
 * recorded. */
uint32_t stack_capture(struct recorder *recorder, const void *frame_address);

#endif
