/* SPDX-License-Identifier: MIT */
/*
 * locked_memory KIB: allows itself so much locked memory and locks what it maps from then
 * on (MCL_FUTURE), so that every larger mapping fails from whoever it is; and allocates in
 * a thread that begins afterwards.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include "truth.h"

#define BLOCKS 6000

static struct truth_count count;

static TRUTH_SITE void *while_locked(size_t size)
{
	return malloc(size);
}

static void *allocate(void *argument)
{
	for (size_t i = 0; i < BLOCKS; i++) {
		size_t size = 1 + i % 77;
		void *block = while_locked(size);

		if (!block)
			return "no memory";
		truth_allocated(&count, size);
		free(block);
		truth_freed(&count, size);
	}
	return argument;
}

int main(int argc, char **argv)
{
	struct rlimit limit = {0, 0};
	static char stack[256 * 1024] __attribute__((aligned(4096)));
	pthread_attr_t attributes;
	pthread_t thread;
	void *failure = NULL;

	if (argc != 2)
		return 2;
	limit.rlim_cur = limit.rlim_max = (rlim_t)atol(argv[1]) * 1024;
	if (setrlimit(RLIMIT_MEMLOCK, &limit) || mlockall(MCL_FUTURE))
		return 3;
	pthread_attr_init(&attributes);
	pthread_attr_setstack(&attributes, stack, sizeof(stack));
	if (pthread_create(&thread, &attributes, allocate, NULL))
		return 4;
	pthread_join(thread, &failure);
	if (failure)
		return 5;
	allocate(NULL);
	/* What a mapping of its own meets: the limit, or not. */
	printf("4 MiB %s\n", mmap(NULL, 4 << 20, PROT_READ | PROT_WRITE,
				  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED
				     ? "refused"
				     : "mapped");
	fflush(stdout);
	truth_site("while_locked", &count, NULL);
	truth_print();
	return 0;
}
