/* SPDX-License-Identifier: MIT */
/*
 * alternate_stack BYTES: a signal handler allocates on an alternate stack of so many bytes,
 * below which lies a page that may not be touched.
 */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "truth.h"

#define PAGE 4096
#define SIGNALS 50

static struct truth_count count;

static TRUTH_SITE void *on_the_stack(size_t size)
{
	return malloc(size);
}

static void handler(int signal)
{
	void *block = on_the_stack(100);

	(void)signal;
	truth_allocated(&count, 100);
	block = realloc(block, 100);
	free(block);
	truth_freed(&count, 100);
}

int main(int argc, char **argv)
{
	struct sigaction action;
	stack_t stack;
	size_t bytes, whole;
	char *map;

	if (argc != 2)
		return 2;
	bytes = (size_t)atol(argv[1]);
	whole = (bytes + PAGE - 1) / PAGE * PAGE;
	map = mmap(NULL, PAGE + whole, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
		   -1, 0);
	if (map == MAP_FAILED || mprotect(map, PAGE, PROT_NONE))
		return 3;
	/* Its end is the page's: what is asked for is all there is. */
	stack = (stack_t){.ss_sp = map + PAGE, .ss_size = bytes};
	memset(&action, 0, sizeof(action));
	action.sa_handler = handler;
	action.sa_flags = SA_ONSTACK;
	if (sigaltstack(&stack, NULL) || sigaction(SIGUSR1, &action, NULL))
		return 4;
	for (int i = 0; i < SIGNALS; i++)
		raise(SIGUSR1);
	truth_site("on_the_stack", &count, NULL);
	truth_print();
	return 0;
}
