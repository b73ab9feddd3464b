/* SPDX-License-Identifier: MIT */
/*
 * walk.h - from a frame of the calling thread's stack to its caller, on x86-64.
 *
 * A cache of condensed rules in front of cfi.h; frames of signal handlers by the kernel's
 * layout; code without unwind information (a just-in-time compiler's) by its frame pointer,
 * where that is plausible.
 * Guarantees: reads the stack only where the rules say it is; what a frame pointer alone
 * points to is probed by the kernel first. No lock, no allocation; no system call but that.
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

#define WALK_RULES 4096u /* a power of two */

/* Rules found so far, by code address. Zero-filled is empty. */
struct walk_rules {
	struct walk_cached {
		uintptr_t pc;
		struct cfi_rule rule;
	} cached[WALK_RULES];
};

static inline uint32_t walk_hash(uintptr_t pc)
{
	return (uint32_t)(pc ^ pc >> 12) & (WALK_RULES - 1);
}

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

/* The rule for a frame's code; the slow half of walk_rule. */
struct cfi_rule walk_find_rule(struct walk_rules *rules, uintptr_t pc);

static inline struct cfi_rule walk_rule(struct walk_rules *rules, uintptr_t pc, bool exact)
{
	const struct walk_cached *cached;

	pc -= !exact;
	cached = &rules->cached[walk_hash(pc)];
	return __builtin_expect(cached->pc == pc, 1) ? cached->rule
						     : walk_find_rule(rules, pc);
}

/* Goes on to the caller by a CFI_STEP rule. Returns false when that leads nowhere: the
 * stack does not grow towards its beginning. */
static inline bool walk_step(struct walk_frame *frame, struct cfi_rule rule)
{
	uintptr_t cfa = (rule.from_fp ? frame->fp : frame->slot + 8) +
			(uintptr_t)(intptr_t)rule.cfa_offset;

	if (__builtin_expect(cfa - 8 <= frame->slot || (cfa & 7), 0))
		return false;
	/* A frame pointer may be anything while it serves as a general register. */
	if (rule.from_fp && __builtin_expect(cfa - frame->slot > (64u << 20), 0))
		return false;
	if (rule.fp_offset)
		frame->fp = *(const uintptr_t *)(cfa + (uintptr_t)(intptr_t)rule.fp_offset);
	frame->slot = cfa - 8;
	frame->pc = *(const uintptr_t *)(cfa - 8);
	frame->exact = false;
	return true;
}

/* Goes on by a CFI_REALIGNED rule. Returns false when that leads nowhere. */
bool walk_realigned(struct walk_frame *frame, struct cfi_rule rule);

/* Goes on to the interrupted frame from a signal handler's return code. */
bool walk_signal(struct walk_frame *frame);

/* What walk_guess follows: the frame pointer points to the caller's, and that is followed
 * by the return address. */
static const struct cfi_rule walk_guess_rule = {
	.kind = CFI_STEP, .from_fp = 1, .fp_offset = -16, .cfa_offset = 16};

/* Goes on by the frame pointer alone. Returns false when it is not plausible. */
bool walk_guess(struct walk_frame *frame);

#endif
