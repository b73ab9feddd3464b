/* SPDX-License-Identifier: MIT */
#include "walk.h"

#include <signal.h>
#include <stddef.h>
#include <ucontext.h>

#include "modules.h"
#include "sys.h"

/* A frame that spans more than this is not believed on its frame pointer alone. */
#define GUESS_BYTES_MOST (1u << 20)

/* The same for walk_step, which checks no more than it must. */
static walk_rule make_ready(struct cfi_rule rule)
{
	const walk_rule complex = walk_rule_make(CFI_COMPLEX, false, 0, 0);

	switch (rule.kind) {
	case CFI_STEP:
		if (rule.fp_offset == -8 || rule.fp_offset > INT16_MAX - 8)
			return complex;
		if (rule.fp_offset)
			rule.fp_offset += 8;
		if (rule.from_fp)
			return walk_rule_make(CFI_STEP, true, rule.fp_offset,
					      rule.cfa_offset - 8);
		if (rule.cfa_offset < 8 || rule.cfa_offset % 8)
			return complex;
		return walk_rule_make(CFI_STEP, false, rule.fp_offset, rule.cfa_offset);
	case CFI_REALIGNED:
		return walk_rule_make(CFI_REALIGNED, true, rule.fp_offset, rule.cfa_offset);
	default:
		return walk_rule_make((enum cfi_kind)rule.kind, false, 0, 0);
	}
}

walk_rule walk_find_rule(struct walk_rules *rules, uintptr_t code)
{
	struct walk_cached *cached = &rules->cached[code % WALK_RULES];
	struct cfi_rule rule = cfi_find(code);

	if (rule.kind == CFI_NONE) {
		/* A return address that is a function's first byte was pushed by no call:
		 * somebody began a stack there, as makecontext does. */
		struct cfi_rule behind = cfi_find(code + 1);

		if (behind.kind == CFI_SIGNAL)
			rule = behind;
		else if (behind.kind != CFI_NONE)
			rule.kind = CFI_OUTERMOST;
		/* The dynamic linker's start is not described, and is where all begins. */
		else if (code - modules.linker_start < modules.linker_bytes)
			rule.kind = CFI_OUTERMOST;
	}
	cached->rule = make_ready(rule);
	cached->code = code;
	return cached->rule;
}

#if WALK_IS_NATIVE
/* Linux, arch/x86/include/asm/sigframe.h: when the handler has returned into this code, the
 * stack pointer is at rt_sigframe.uc. */
bool walk_signal(struct walk_frame *frame)
{
	const ucontext_t *context = (const ucontext_t *)(frame->slot + 8);
	const greg_t *registers = context->uc_mcontext.gregs;

	frame->pc = (uintptr_t)registers[REG_RIP];
	frame->fp = (uintptr_t)registers[REG_RBP];
	frame->slot = (uintptr_t)registers[REG_RSP] - 8;
	frame->exact = true;
	return true;
}
#else
bool walk_signal(struct walk_frame *frame)
{
	(void)frame;
	return false;
}
#endif

bool walk_realigned(struct walk_frame *frame, walk_rule rule)
{
	uintptr_t fp = frame->fp, cfa;

	if (fp <= frame->slot || (fp & 7) || fp - frame->slot > GUESS_BYTES_MOST)
		return false;
	cfa = *(const uintptr_t *)(fp + walk_rule_up(rule));
	if (cfa <= fp || (cfa & 7) || cfa - fp > GUESS_BYTES_MOST)
		return false;
	frame->fp = *(const uintptr_t *)(fp + walk_rule_fp(rule));
	frame->slot = cfa - 8;
	frame->pc = *(const uintptr_t *)(cfa - 8);
	frame->exact = false;
	return true;
}

/* fp points to the caller's fp, and the return address is behind it. */
bool walk_guess(struct walk_frame *frame)
{
	const uintptr_t *fp = (const uintptr_t *)frame->fp;

	if (frame->fp <= frame->slot || frame->fp - frame->slot > GUESS_BYTES_MOST ||
	    (frame->fp & 7) || !sys_can_read(frame->fp) || !sys_can_read(frame->fp + 8))
		return false;
	if (fp[0] <= frame->fp || fp[1] < 4096)
		return false;
	frame->slot = frame->fp + 8;
	frame->pc = fp[1];
	frame->fp = fp[0];
	frame->exact = false;
	return true;
}
