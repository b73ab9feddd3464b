/* SPDX-License-Identifier: MIT */
#include "walk.h"

#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <ucontext.h>

#include "modules.h"
#include "sys.h"

/* A frame that spans more than this is not believed on its frame pointer alone. */
#define GUESS_BYTES_MOST (1u << 20)

struct cfi_rule walk_find_rule(struct walk_rules *rules, uintptr_t pc)
{
	struct walk_cached *cached = &rules->cached[walk_hash(pc)];

	struct cfi_rule rule = cfi_find(pc);

	if (rule.kind == CFI_NONE) {
		/* A return address that is a function's first byte was pushed by no call:
		 * somebody began a stack there, as makecontext does. */
		struct cfi_rule behind = cfi_find(pc + 1);

		if (behind.kind == CFI_SIGNAL)
			rule = behind;
		else if (behind.kind != CFI_NONE)
			rule.kind = CFI_OUTERMOST;
		/* The dynamic linker's start is not described, and is where all begins. */
		else if (pc - modules.linker_start < modules.linker_bytes)
			rule.kind = CFI_OUTERMOST;
	}
	cached->rule = rule;
	cached->pc = pc;
	return rule;
}

/* Whether the 8 bytes at an aligned address can be read. The kernel copies the set before
 * it finds that `how` is none (rt_sigprocmask(2): EFAULT, EINVAL). */
static bool is_readable(uintptr_t address)
{
	return SYS4(SYS_rt_sigprocmask, -1, address, NULL, 8) != -EFAULT;
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

bool walk_realigned(struct walk_frame *frame, struct cfi_rule rule)
{
	uintptr_t fp = frame->fp, cfa;

	if (fp <= frame->slot || (fp & 7) || fp - frame->slot > GUESS_BYTES_MOST)
		return false;
	cfa = *(const uintptr_t *)(fp + (uintptr_t)(intptr_t)rule.cfa_offset);
	if (cfa <= fp || (cfa & 7) || cfa - fp > GUESS_BYTES_MOST)
		return false;
	frame->fp = *(const uintptr_t *)(fp + (uintptr_t)(intptr_t)rule.fp_offset);
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
	    (frame->fp & 7) || !is_readable(frame->fp) || !is_readable(frame->fp + 8))
		return false;
	if (fp[0] <= frame->fp || fp[1] < 4096)
		return false;
	frame->slot = frame->fp + 8;
	frame->pc = fp[1];
	frame->fp = fp[0];
	frame->exact = false;
	return true;
}
