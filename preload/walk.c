/* SPDX-License-Identifier: MIT */
#include "walk.h"

#include <signal.h>
#include <stddef.h>
#include <ucontext.h>

#include "config.h"
#include "modules.h"
#include "sys.h"

/* A frame that spans more than this is not believed on its frame pointer alone. */
#define GUESS_BYTES_MOST (1u << 20)

/* The same for walk_step, which checks no more than it must. */
static walk_rule make_ready(struct cfi_rule rule)
{
	const walk_rule evaluated = walk_rule_make(CFI_EVALUATED, false, 0, 0);

	switch (rule.kind) {
	case CFI_STEP:
		if (rule.fp_offset == -8 || rule.fp_offset > INT16_MAX - 8)
			return evaluated;
		if (rule.fp_offset)
			rule.fp_offset += 8;
		if (rule.from_fp)
			return walk_rule_make(CFI_STEP, true, rule.fp_offset,
					      rule.cfa_offset - 8);
		if (rule.cfa_offset < 8 || rule.cfa_offset % 8)
			return evaluated;
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
	const ucontext_t *context = walk_context(frame);
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

/* ---- Expressions -------------------------------------------------------------------- */

#if WALK_IS_NATIVE

/* System V ABI, AMD64, 3.2.2: so much below its stack pointer belongs to a function that
 * calls nobody. */
#define RED_ZONE_BYTES 128u

/* So many frames are gone through for what they have saved. */
#define REPLAYED_MOST (CONFIG_DEPTH_MAX + 16u)

/* A frame, and which part of the stack an expression may look at. */
struct view {
	struct cfi_known known;
	uintptr_t low;
	uintptr_t passed; /* all from `low` to there can be read, as the walk has shown */
};

static bool read_word(const struct cfi_known *known, uintptr_t address, uint64_t *ret_word)
{
	const struct view *view =
		(const struct view *)((const char *)known - offsetof(struct view, known));

	if (address - view->low > WALK_FRAME_MOST || (address & 7) ||
	    (address >= view->passed && !sys_can_read(address)))
		return false;
	*ret_word = *(const uint64_t *)address;
	return true;
}

static void set_register(struct cfi_known *known, unsigned number, uintptr_t value)
{
	known->registers[number] = value;
	known->have |= 1u << number;
}

/* An interrupted frame: all is known. */
static void know_context(struct cfi_known *known, const ucontext_t *context)
{
	/* System V ABI, AMD64, table 3.36: in the order of DWARF's numbers. */
	static const uint8_t from[CFI_REGISTERS] = {
		REG_RAX, REG_RDX, REG_RCX, REG_RBX, REG_RSI, REG_RDI,
		REG_RBP, REG_RSP, REG_R8,  REG_R9,  REG_R10, REG_R11,
		REG_R12, REG_R13, REG_R14, REG_R15, REG_RIP};

	for (unsigned i = 0; i < CFI_REGISTERS; i++)
		set_register(known, i, (uintptr_t)context->uc_mcontext.gregs[from[i]]);
}

#define KEPT_REGISTERS (1u << 3 | 0xfu << 12) /* CFI_KEPT_NUMBER */

/* Those, the stack pointer, the frame pointer and the program counter, as they are here:
 * DWARF's numbers times eight. */
static inline __attribute__((always_inline)) void know_here(struct cfi_known *known)
{
	known->have = KEPT_REGISTERS | 1u << CFI_FP | 1u << CFI_SP | 1u << CFI_RIP;
	__asm__ volatile("mov %%rbx, 24(%0)\n\t"
			 "mov %%rbp, 48(%0)\n\t"
			 "mov %%rsp, 56(%0)\n\t"
			 "mov %%r12, 96(%0)\n\t"
			 "mov %%r13, 104(%0)\n\t"
			 "mov %%r14, 112(%0)\n\t"
			 "mov %%r15, 120(%0)\n\t"
			 "lea 0(%%rip), %%rax\n\t"
			 "mov %%rax, 128(%0)"
			 :
			 : "r"(known->registers)
			 : "rax", "memory");
}

/* Finds what one of the callers had in a register, which those that it called may have
 * saved: goes outwards once more, from what was interrupted last on the way (context) or
 * from here. Only where some function needs it, such as the dynamic linker's, which binds a
 * name at its first call. */
static bool know_kept(struct cfi_known *known, const ucontext_t *context, unsigned number)
{
	const uint64_t target = known->registers[CFI_SP];
	struct view view = {.known.read = read_word, .passed = (uintptr_t)target};
	uint64_t value;

	if (context)
		know_context(&view.known, context);
	else
		know_here(&view.known);
	for (unsigned i = 0; view.known.registers[CFI_SP] < target; i++) {
		view.low = (uintptr_t)view.known.registers[CFI_SP];
		if (i == 0 && context)
			view.low -= RED_ZONE_BYTES;
		if (i == REPLAYED_MOST ||
		    !cfi_step(&view.known, (uintptr_t)view.known.registers[CFI_RIP] - !!i))
			return false;
	}
	if (view.known.registers[CFI_SP] != target ||
	    !cfi_known_register(&view.known, number, &value))
		return false;
	set_register(known, number, value);
	return true;
}

/* What is known of a frame before the step to its caller; kept: the register to look for
 * with know_kept, or CFI_NO_REGISTER. */
static bool know_frame(struct view *view, const struct walk_frame *frame, uintptr_t code,
		       const ucontext_t *context, unsigned kept)
{
	*view = (struct view){
		.known = {.read = read_word, .lacked = CFI_REGISTERS},
		.low = frame->slot + 8,
	};
	if (frame->exact) {
		know_context(&view->known, context);
		view->low -= RED_ZONE_BYTES;
		return kept == CFI_NO_REGISTER;
	}
	set_register(&view->known, CFI_SP, frame->slot + 8);
	set_register(&view->known, CFI_FP, frame->fp);
	set_register(&view->known, CFI_RIP, code);
	return kept == CFI_NO_REGISTER || know_kept(&view->known, context, kept);
}

/* One step. Returns false, with ret_lacked, also where only the frame pointer could not be
 * had. */
static bool step_once(struct view *view, uintptr_t code, unsigned *ret_lacked)
{
	bool stepped = cfi_step(&view->known, code);

	*ret_lacked = view->known.lacked;
	return stepped && (view->known.have >> CFI_FP & 1);
}

bool walk_evaluated(struct walk_frame *frame, const void *context)
{
	const uintptr_t code = frame->pc - !frame->exact;
	unsigned lacked;
	struct view view;
	uint64_t sp;

	(void)know_frame(&view, frame, code, context, CFI_NO_REGISTER);
	if (!step_once(&view, code, &lacked)) {
		if (!(KEPT_REGISTERS >> lacked & 1) ||
		    !know_frame(&view, frame, code, context, lacked) ||
		    !step_once(&view, code, &lacked))
			return false;
	}
	sp = view.known.registers[CFI_SP];
	if (sp - (frame->slot + 8) > WALK_FRAME_MOST || (sp & 7))
		return false;
	frame->slot = (uintptr_t)sp - 8;
	frame->pc = (uintptr_t)view.known.registers[CFI_RIP];
	frame->fp = (uintptr_t)view.known.registers[CFI_FP];
	frame->exact = false;
	return true;
}

#else

bool walk_evaluated(struct walk_frame *frame, const void *context)
{
	(void)frame;
	(void)context;
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
