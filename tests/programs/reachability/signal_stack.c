/* SPDX-License-Identifier: MIT */
/*
 * The program ends within a signal handler that runs on a stack of its own: the frames that
 * the signal interrupted are still alive.
 */
#include <signal.h>
#include <sys/mman.h>

#include "leak_case.h"

enum {
	STACK_BYTES = 256 * 1024
};

static LEAK_SITE void handler(int number)
{
	void *volatile slot = leak_block(180, LEAK_REACHABLE);

	(void)number;
	leak_scrub();
	leak_print(NULL);
	exit(0);
	leak_escape(&slot);
}

static LEAK_SITE void interrupted(void)
{
	void *volatile slots[2];

	leak_into(&slots[0], 181, 0, LEAK_REACHABLE);
	leak_into(&slots[1], 182, 100, LEAK_POSSIBLE);
	leak_scrub();
	raise(SIGUSR1);
	leak_escape(slots);
}

static LEAK_SITE void prepare(void)
{
	struct sigaction action = {.sa_handler = handler, .sa_flags = SA_ONSTACK};
	stack_t stack = {.ss_size = STACK_BYTES};

	stack.ss_sp = mmap(NULL, STACK_BYTES, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (stack.ss_sp == MAP_FAILED || sigaltstack(&stack, NULL) ||
	    sigaction(SIGUSR1, &action, NULL))
		abort();
	leak_block(183, LEAK_DEFINITE);
}

int main(void)
{
	prepare();
	interrupted();
	return 1;
}
