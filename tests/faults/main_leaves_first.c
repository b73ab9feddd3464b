/* SPDX-License-Identifier: MIT */
/*
 * The first thread leaves by pthread_exit; the others go on, allocate, and the last of them
 * ends the process by coming to its own end, with handlers of exit that allocate.
 */
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "truth.h"

#define THREADS 4
#define BLOCKS 20000

static struct truth_count thread_counts[THREADS], exit_count;

static TRUTH_SITE void *after_main(size_t size)
{
	return malloc(size);
}

static TRUTH_SITE void *in_exit_handler(size_t size)
{
	return malloc(size);
}

static void *go_on(void *argument)
{
	struct truth_count *count = argument;

	usleep(20000);
	for (size_t i = 1; i <= BLOCKS; i++) {
		size_t size = 1 + i % 333;

		free(after_main(size));
		truth_allocated(count, size);
		truth_freed(count, size);
	}
	return NULL;
}

static void at_exit(void)
{
	struct truth_count sum = {0};

	for (size_t i = 1; i <= 50; i++) {
		in_exit_handler(i);
		truth_allocated(&exit_count, i);
	}
	for (int i = 0; i < THREADS; i++) {
		sum.allocations += thread_counts[i].allocations;
		sum.allocated_bytes += thread_counts[i].allocated_bytes;
	}
	truth_site("after_main", &sum, NULL);
	truth_site("in_exit_handler", &exit_count, NULL);
	truth_print();
}

int main(void)
{
	pthread_t thread;

	if (atexit(at_exit))
		return 2;
	for (int i = 0; i < THREADS; i++)
		if (pthread_create(&thread, NULL, go_on, &thread_counts[i]))
			return 3;
	pthread_exit(NULL);
}
