/* SPDX-License-Identifier: MIT */
/*
 * Stacks that the program made itself: a thread's in mapped memory, a thread's in a block,
 * and those of two coroutines that have not come to their end, in mapped memory and in a
 * block.
 */
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

#include "leak_case.h"
#include "leak_thread.h"

enum {
	STACK_BYTES = 256 * 1024
};

static void *volatile kept[2];
static ucontext_t coroutines[2], main_context;
static int pipe_fds[2];

static LEAK_SITE void *body(void *unused)
{
	void *volatile slots[2];
	char byte;

	leak_into(&slots[0], 170, 0, LEAK_REACHABLE);
	leak_into(&slots[1], 171, 20, LEAK_POSSIBLE);
	leak_scrub();
	leak_thread_ready();
	for (;;)
		(void)!read(pipe_fds[0], &byte, 1);
	leak_escape(slots);
	return unused;
}

static LEAK_SITE void coroutine(void)
{
	void *volatile slots[2];

	leak_into(&slots[0], 172, 0, LEAK_REACHABLE);
	leak_into(&slots[1], 173, 20, LEAK_POSSIBLE);
	leak_scrub();
	swapcontext(&coroutines[kept[1] != NULL], &main_context);
	leak_escape(slots);
}

static LEAK_SITE void *mapped_stack(void)
{
	void *stack = mmap(NULL, STACK_BYTES, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);

	if (stack == MAP_FAILED)
		abort();
	return stack;
}

static LEAK_SITE void run_thread_on(void *stack)
{
	pthread_attr_t attributes;

	pthread_attr_init(&attributes);
	pthread_attr_setstack(&attributes, stack, STACK_BYTES);
	leak_thread(body, NULL, &attributes);
}

static LEAK_SITE void run_coroutine_on(ucontext_t *context, void *stack)
{
	getcontext(context);
	context->uc_stack.ss_sp = stack;
	context->uc_stack.ss_size = STACK_BYTES;
	context->uc_link = &main_context;
	makecontext(context, coroutine, 0);
	swapcontext(&main_context, context);
}

static LEAK_SITE void build(void)
{
	if (pipe(pipe_fds))
		abort();
	run_thread_on(mapped_stack());
	kept[0] = leak_block(STACK_BYTES, LEAK_REACHABLE);
	run_thread_on(kept[0]);
	run_coroutine_on(&coroutines[0], mapped_stack());
	kept[1] = leak_block(STACK_BYTES, LEAK_REACHABLE);
	run_coroutine_on(&coroutines[1], kept[1]);
}

int main(void)
{
	return leak_case(build);
}
