/* SPDX-License-Identifier: MIT */
/*
 * Allocates from stacks that look like the one before and are not: the same return
 * addresses at the same places, left behind by frames that are gone, below frames of
 * another size; the same signal handler on its own stack, whose interrupted stack has been
 * unmapped. And from handlers of faults at places where a frame is only half made.
 *
 * The number of rounds is the only argument.
 */
#include <alloca.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#include "truth.h"

#define STACK_BYTES (256 * 1024)
#define REACH 8192 /* bytes of stack that are enough for all levels of `through` */

/* The compiler must not see what becomes of a frame's memory, nor make a call a jump. */
#define KEEP(p) __asm__ volatile("" : : "r"(p) : "memory")

static struct truth_count count;

static TRUTH_SITE void at_the_end(size_t size)
{
	void *block = malloc(size);

	truth_allocated(&count, size);
	KEEP(block);
	free(block);
	truth_freed(&count, size);
}

/* A frame between that uses no frame pointer, if the compiler can do without. */
static TRUTH_SITE void pass(size_t size)
{
	at_the_end(size);
	KEEP(&size);
}

/* And one that saves all registers. */
static TRUTH_SITE void save(size_t size)
{
	__asm__ volatile("" : : : "rbx", "r12", "r13", "r14", "r15", "memory");
	at_the_end(size);
	KEEP(&size);
}

static void call_on(unsigned how)
{
	if (how % 3 == 0)
		at_the_end(8);
	else if (how % 3 == 1)
		pass(9);
	else
		save(10);
}

/* ---- Left behind -------------------------------------------------------------------- */

/* Given by value, on the stack: where a function finds that when it has aligned its own is
 * a matter of its own register. */
struct way {
	unsigned levels;  /* frames yet to come before the last one */
	uintptr_t target; /* where the last one's own callees begin */
	unsigned how;
	void (*last)(struct way way);
};

/* Makes its frame as large as it takes for the stack to reach down to the target, and
 * leaves in it what was there: the frames of deeper calls before. What it calls then lies
 * where it lay then. */
static TRUTH_SITE void reach(struct way way)
{
	char *room = alloca((uintptr_t)__builtin_frame_address(0) - way.target);

	KEEP(room);
	call_on(way.how);
	KEEP(room);
}

static TRUTH_SITE void reach_aligned(struct way way)
{
	__attribute__((aligned(64))) char here[64];
	char *room = alloca((uintptr_t)here - way.target);

	KEEP(here);
	KEEP(room);
	call_on(way.how);
	KEEP(room);
}

/* Whatever it calls returns to the same place: by that alone, nobody can tell how many
 * frames follow. The room keeps the next frame's return address away from where another
 * function in its place would write. */
static TRUTH_SITE void through(struct way way)
{
	void (*volatile next)(struct way) = way.levels ? through : way.last;
	char room[600];

	KEEP(room);
	if (way.levels)
		way.levels--;
	next(way);
	KEEP(room);
}

/* Ever fewer frames: the ones that are gone lie in the large one, untouched. */
static TRUTH_SITE void leave_behind(unsigned round)
{
	/* Not by its frame pointer: it would keep one in every build. */
	char here = 0;
	uintptr_t target = (uintptr_t)&here - REACH;

	for (unsigned levels = 1 + round % 7; levels > 0; levels--) {
		struct way way = {
			.levels = levels - 1,
			.target = target & ~(uintptr_t)127,
			.how = round / 2,
			.last = round % 2 ? reach_aligned : reach,
		};

		through(way);
	}
}

/* ---- Unmapped ----------------------------------------------------------------------- */

static ucontext_t outside, inside;

static void handler(int signal)
{
	at_the_end((size_t)signal);
}

static void raise_inside(void)
{
	raise(SIGUSR2);
}

/* No event in between tells the recorder that the stack is another: the kernel is called
 * without the library. */
static TRUTH_SITE void raise_on_a_stack_that_goes(void)
{
	long stack = syscall(SYS_mmap, NULL, STACK_BYTES, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (stack == -1 || getcontext(&inside))
		_exit(3);
	inside.uc_stack.ss_sp = (void *)stack;
	inside.uc_stack.ss_size = STACK_BYTES;
	inside.uc_link = &outside;
	makecontext(&inside, raise_inside, 0);
	swapcontext(&outside, &inside);
	syscall(SYS_munmap, stack, STACK_BYTES);
	raise(SIGUSR2);
}

/* ---- Faults ------------------------------------------------------------------------- */

#ifdef __x86_64__

/* An undefined instruction as a function's first, and behind instructions that move the
 * stack pointer; all are two bytes that the handler skips. */
void fault_at_once(void);
void fault_after_push(void);
void fault_before_return(void);

__asm__(".text\n"
	".type fault_at_once, @function\n"
	"fault_at_once:\n"
	"	.cfi_startproc\n"
	"	ud2\n"
	"	ret\n"
	"	.cfi_endproc\n"
	".size fault_at_once, . - fault_at_once\n"
	".type fault_after_push, @function\n"
	"fault_after_push:\n"
	"	.cfi_startproc\n"
	"	push %rbx\n"
	"	.cfi_def_cfa_offset 16\n"
	"	ud2\n"
	"	pop %rbx\n"
	"	.cfi_def_cfa_offset 8\n"
	"	ret\n"
	"	.cfi_endproc\n"
	".size fault_after_push, . - fault_after_push\n"
	".type fault_before_return, @function\n"
	"fault_before_return:\n"
	"	.cfi_startproc\n"
	"	sub $40, %rsp\n"
	"	.cfi_def_cfa_offset 48\n"
	"	nop\n"
	"	add $40, %rsp\n"
	"	.cfi_def_cfa_offset 8\n"
	"	ud2\n"
	"	ret\n"
	"	.cfi_endproc\n"
	".size fault_before_return, . - fault_before_return\n");

static void fault_handler(int signal, siginfo_t *info, void *context)
{
	ucontext_t *interrupted = context;

	(void)info;
	at_the_end((size_t)signal);
	interrupted->uc_mcontext.gregs[REG_RIP] += 2;
}

/* In a frame of unknown size, found by its frame pointer alone. */
static TRUTH_SITE void fault_in_alloca(size_t size)
{
	char *room = alloca(size);

	KEEP(room);
	__asm__ volatile("ud2" : : : "memory");
	KEEP(room);
}

static TRUTH_SITE void fault(unsigned round)
{
	fault_at_once();
	fault_after_push();
	fault_before_return();
	fault_in_alloca(1 + round % 400);
	KEEP(&round);
}

static bool catch_faults(void)
{
	struct sigaction action;

	memset(&action, 0, sizeof(action));
	action.sa_sigaction = fault_handler;
	action.sa_flags = SA_SIGINFO;
	return sigaction(SIGILL, &action, NULL) == 0;
}

#else /* elsewhere stacks come from libunwind */

static void fault(unsigned round)
{
	(void)round;
}

static bool catch_faults(void)
{
	return true;
}

#endif

static void catch_signals(void)
{
	stack_t stack = {.ss_size = STACK_BYTES};
	struct sigaction action;

	stack.ss_sp = mmap(NULL, STACK_BYTES, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	memset(&action, 0, sizeof(action));
	action.sa_handler = handler;
	action.sa_flags = SA_ONSTACK;
	if (stack.ss_sp == MAP_FAILED || sigaltstack(&stack, NULL) ||
	    sigaction(SIGUSR2, &action, NULL))
		_exit(4);
	if (!catch_faults())
		_exit(5);
}

int main(int argc, char **argv)
{
	unsigned rounds = argc == 2 ? (unsigned)atoi(argv[1]) : 1000;

	catch_signals();
	for (unsigned round = 0; round < rounds; round++) {
		leave_behind(round);
		raise_on_a_stack_that_goes();
		fault(round);
	}
	truth_site("at_the_end", &count, NULL);
	truth_print();
	return 0;
}
