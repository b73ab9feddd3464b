/* SPDX-License-Identifier: MIT */
/*
 * Allocates where there is little stack: coroutines of 4 KiB, a signal handler on an
 * alternate stack of 8 KiB, threads of PTHREAD_STACK_MIN. Below each small stack lies a
 * page that may not be touched, so that an overflow is a crash and not luck. In a new
 * thread the coroutine makes the thread's first allocation.
 */
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

#include "truth.h"

#define PAGE 4096
#define COROUTINE_BYTES 4096
#define ALTERNATE_BYTES 8192
#define COROUTINES 40
#define SIGNALS 40
#define THREADS 40
#define PER_STACK 30

static _Thread_local ucontext_t outside, inside;

static TRUTH_SITE void *in_coroutine(size_t size)
{
	return malloc(size);
}

static TRUTH_SITE void *on_signal_stack(size_t size)
{
	return malloc(size);
}

static TRUTH_SITE void *in_small_thread(size_t size)
{
	return malloc(size);
}

static void churn(void *(*allocate)(size_t size))
{
	for (size_t i = 1; i <= PER_STACK; i++) {
		void *block = allocate(40 * i);

		if (i != PER_STACK) {
			block = realloc(block, 40 * i);
			free(block);
		}
	}
}

/* The usable bytes of a new small stack, its end guarded. */
static char *new_stack(size_t bytes)
{
	char *map = mmap(NULL, PAGE + bytes, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (map == MAP_FAILED || mprotect(map, PAGE, PROT_NONE))
		_exit(3);
	return map + PAGE;
}

static void free_stack(char *stack, size_t bytes)
{
	munmap(stack - PAGE, PAGE + bytes);
}

static void coroutine(void)
{
	churn(in_coroutine);
}

/* The stack is unmapped afterwards: nobody may read it any more. */
static void run_coroutine(void)
{
	char *stack = new_stack(COROUTINE_BYTES);

	getcontext(&inside);
	inside.uc_stack.ss_sp = stack;
	inside.uc_stack.ss_size = COROUTINE_BYTES;
	inside.uc_link = &outside;
	makecontext(&inside, coroutine, 0);
	swapcontext(&outside, &inside);
	free_stack(stack, COROUTINE_BYTES);
}

static void handler(int signal)
{
	(void)signal;
	churn(on_signal_stack);
}

static size_t alternate_bytes(void)
{
	long least = sysconf(_SC_MINSIGSTKSZ);

	/* Where registers alone fill a classic stack (AVX-512), give what 8 KiB leave free
	 * elsewhere. */
	return least > 3500 ? (size_t)least + PAGE : ALTERNATE_BYTES;
}

static void run_signals(void)
{
	size_t bytes = (alternate_bytes() + PAGE - 1) / PAGE * PAGE;
	stack_t stack = {.ss_sp = new_stack(bytes), .ss_size = bytes};
	stack_t none = {.ss_flags = SS_DISABLE};
	struct sigaction action;

	memset(&action, 0, sizeof(action));
	action.sa_handler = handler;
	action.sa_flags = SA_ONSTACK;
	if (sigaltstack(&stack, NULL) || sigaction(SIGUSR1, &action, NULL))
		_exit(4);
	for (int i = 0; i < SIGNALS; i++)
		raise(SIGUSR1);
	sigaltstack(&none, NULL);
	free_stack(stack.ss_sp, bytes);
}

static void *small_thread(void *argument)
{
	churn(in_small_thread);
	return argument;
}

static void *coroutine_first(void *argument)
{
	run_coroutine();
	return argument;
}

static int run_thread(size_t stack_bytes, void *(*body)(void *argument))
{
	pthread_attr_t attributes;
	pthread_t thread;
	int error;

	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, stack_bytes);
	error = pthread_create(&thread, &attributes, body, NULL);
	return error ? error : pthread_join(thread, NULL);
}

/* churn's loop allocates once and reallocates to the same size all blocks but the last. */
static void report(const char *function, uint64_t stacks)
{
	struct truth_count count = {0};

	for (uint64_t s = 0; s < stacks; s++) {
		for (size_t i = 1; i <= PER_STACK; i++) {
			truth_allocated(&count, 40 * i);
			if (i != PER_STACK)
				truth_freed(&count, 40 * i);
		}
	}
	truth_site(function, &count, NULL);
}

int main(void)
{
	for (int i = 0; i < COROUTINES; i++)
		run_coroutine();
	run_signals();
	for (int i = 0; i < THREADS; i++)
		if (run_thread(PTHREAD_STACK_MIN, small_thread) ||
		    run_thread(64 * 1024, coroutine_first))
			return 5;
	report("in_coroutine", COROUTINES + THREADS);
	report("on_signal_stack", SIGNALS);
	report("in_small_thread", THREADS);
	truth_number("reallocs", (COROUTINES + SIGNALS + 2 * THREADS) * (PER_STACK - 1));
	truth_print();
	return 0;
}
