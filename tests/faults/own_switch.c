/* SPDX-License-Identifier: MIT */
/*
 * Coroutines that are switched by a few instructions of the program's own, which no table
 * describes, on stacks of 4 KiB that are unmapped and mapped again all the time. Every
 * coroutine allocates in between.
 */
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "truth.h"

#define PAGE 4096
#define COROUTINES 3000
#define SWITCHES 5

static struct truth_count count;
static void *outside, *inside;

/* Saves what a function keeps for its caller, leaves the stack in *from, takes that of to.
 */
void own_switch(void **from, void *to);
__asm__(".text\n"
	".type own_switch, @function\n"
	"own_switch:\n"
	"	endbr64\n"
	"	push %rbp\n"
	"	push %rbx\n"
	"	push %r12\n"
	"	push %r13\n"
	"	push %r14\n"
	"	push %r15\n"
	"	mov %rsp, (%rdi)\n"
	"	mov %rsi, %rsp\n"
	"	pop %r15\n"
	"	pop %r14\n"
	"	pop %r13\n"
	"	pop %r12\n"
	"	pop %rbx\n"
	"	pop %rbp\n"
	"	ret\n"
	".size own_switch, . - own_switch\n");

static TRUTH_SITE void *in_coroutine(size_t size)
{
	return malloc(size);
}

static void body(void)
{
	for (size_t i = 1;; i++) {
		void *block = in_coroutine(i);

		truth_allocated(&count, i);
		free(block);
		truth_freed(&count, i);
		own_switch(&inside, outside);
	}
}

/* A stack whose outermost frame is body's: there is nothing above. */
static char *begin(void)
{
	char *map = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	void **top;

	if (map == MAP_FAILED || mprotect(map, PAGE, PROT_NONE))
		_exit(3);
	top = (void **)(void *)(map + 2 * PAGE);
	*--top = NULL;			  /* keeps the stack aligned */
	*--top = NULL;			  /* where body would return to */
	*--top = (void *)(uintptr_t)body; /* where the switch returns to */
	top -= 6;
	inside = top;
	return map;
}

int main(void)
{
	for (int i = 0; i < COROUTINES; i++) {
		char *map = begin();

		for (int j = 0; j < SWITCHES; j++)
			own_switch(&outside, inside);
		munmap(map, 2 * PAGE);
	}
	truth_site("in_coroutine", &count, NULL);
	truth_print();
	return 0;
}
