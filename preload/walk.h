/* SPDX-License-Identifier: MIT */
/*
 * walk.h - from a frame of the calling thread's stack to its caller, on x86-64.
 *
 * A cache of condensed rules in front of cfi.h; frames of signal handlers by the kernel's
 * layout; frames that need an expression, or a register that only the interrupted function
 * or those called from here have saved, by cfi_step; code without unwind information (a
 * just-in-time compiler's) by its frame pointer, where that is plausible.
 * Guarantees: reads the stack only where the rules say it is; what a frame pointer alone or
 * an expression points to is probed by the kernel first. No lock, no allocation; no system
 * call but that.
 * Sources: System V ABI, AMD64 supplement, 3.2 and 3.4; Linux, struct rt_sigframe and
 * struct sigcontext.
 */
#ifndef WALK_H
#define WALK_H

#include <stdbool.h>
#include <stdint.h>

#include "cfi.h"

#if defined(__x86_64__)
#define WALK_IS_NATIVE 1
#else
#define WALK_IS_NATIVE 0 /* stacks come from libunwind */
#endif

/* A frame that spans more than this is not believed on its frame pointer. */
#define WALK_FRAME_MOST (64u << 20)

#define WALK_RULES 4096u /* a power of two */

/* A cfi_rule made ready: from a frame's slot straight to its caller's. One word, since it
 * is handed about for every frame. From its top: 32 bits `up`, where the caller's slot is,
 * from this one or, if `from_fp`, from the frame pointer (CFI_REALIGNED: cfi_rule's
 * cfa_offset); 16 bits `fp`, where the caller's frame pointer is kept, from the caller's
 * slot, 0: it is still in its register (CFI_REALIGNED: cfi_rule's fp_offset); 8 bits
 * from_fp; 8 bits kind.
 */
typedef uint64_t walk_rule;

static inline walk_rule walk_rule_make(enum cfi_kind kind, bool from_fp, int16_t fp,
				       int32_t up)
{
	return (uint64_t)(uint32_t)up << 32 | (uint64_t)(uint16_t)fp << 16 |
	       (uint64_t)from_fp << 8 | (uint64_t)kind;
}

static inline enum cfi_kind walk_rule_kind(walk_rule rule)
{
	return (enum cfi_kind)(rule & 0xff);
}

static inline bool walk_rule_from_fp(walk_rule rule)
{
	return rule >> 8 & 1;
}

static inline uintptr_t walk_rule_fp(walk_rule rule)
{
	return (uintptr_t)(intptr_t)(int16_t)(rule >> 16);
}

static inline uintptr_t walk_rule_up(walk_rule rule)
{
	return (uintptr_t)((int64_t)rule >> 32);
}

/* Rules found so far, by code address. Zero-filled is empty. */
struct walk_rules {
	struct walk_cached {
		uintptr_t code;
		walk_rule rule;
	} cached[WALK_RULES];
};

/* A frame, as it stands when its callee has returned to pc: the stack pointer is then
 * slot + 8, slot being where the return address is kept. */
struct walk_frame {
	uintptr_t slot;
	uintptr_t pc;
	uintptr_t fp;
	bool exact; /* pc was interrupted, not called from; slot holds nothing */
};

/* The caller of the function whose frame address (__builtin_frame_address(0), in a function
 * that keeps a frame pointer) this is. */
static inline struct walk_frame walk_start(const void *frame_address)
{
	const uintptr_t *frame = frame_address;

	return (struct walk_frame){
		.slot = (uintptr_t)(frame + 1), .pc = frame[1], .fp = frame[0]};
}

/* The slow half of walk_rule_at. */
walk_rule walk_find_rule(struct walk_rules *rules, uintptr_t code);

/* The rule for a frame, by the address of an instruction in it: the interrupted one, or any
 * byte of the call. */
static inline walk_rule walk_rule_at(struct walk_rules *rules, uintptr_t code)
{
	const struct walk_cached *cached = &rules->cached[code % WALK_RULES];

	return __builtin_expect(cached->code == code, 1) ? cached->rule
							 : walk_find_rule(rules, code);
}

/* Goes on to the caller by a CFI_STEP rule. Returns false when that leads nowhere: the
 * stack does not grow towards its beginning. */
static inline bool walk_step(struct walk_frame *frame, walk_rule rule)
{
	uintptr_t slot = frame->slot + walk_rule_up(rule), saved;

	/* A frame pointer may be anything while it serves as a general register. The stack
	 * pointer's way is known to lead upwards: see walk_find_rule. */
	if (walk_rule_from_fp(rule)) {
		slot = frame->fp + walk_rule_up(rule);
		if (__builtin_expect(slot - 8 - frame->slot > WALK_FRAME_MOST || (slot & 7),
				     0))
			return false;
	}
	/* Read in any case: without a branch that is hard to foresee. */
	saved = *(const uintptr_t *)(slot + walk_rule_fp(rule));
	frame->fp = walk_rule_fp(rule) ? saved : frame->fp;
	frame->slot = slot;
	frame->pc = *(const uintptr_t *)slot;
	frame->exact = false;
	return true;
}

/* Goes on by a CFI_REALIGNED rule. Returns false when that leads nowhere. */
bool walk_realigned(struct walk_frame *frame, walk_rule rule);

/* The kernel's ucontext_t of the frame that was interrupted, from a signal handler's return
 * code. */
static inline const void *walk_context(const struct walk_frame *frame)
{
	return (const void *)(frame->slot + 8);
}

/* Goes on to the interrupted frame from a signal handler's return code. */
bool walk_signal(struct walk_frame *frame);

/* Goes on by what the tables say beyond rules (CFI_EVALUATED). context: walk_context's of
 * the signal that was passed last, NULL if none was. Returns false when that leads nowhere.
 */
bool walk_evaluated(struct walk_frame *frame, const void *context);

/* What walk_guess follows: the frame pointer points to the caller's, and that is followed
 * by the return address. */
static inline walk_rule walk_guess_rule(void)
{
	return walk_rule_make(CFI_STEP, true, -8, 8);
}

/* Goes on by the frame pointer alone. Returns false when it is not plausible. */
bool walk_guess(struct walk_frame *frame);

#endif
