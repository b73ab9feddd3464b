/* SPDX-License-Identifier: MIT */
/* A library whose constructor and destructor wait for a thread that allocates. */
#include <pthread.h>
#include <stdlib.h>

static void *allocate(void *argument)
{
	for (size_t i = 1; i < 200; i++)
		free(malloc(i));
	return argument;
}

static void run_thread(void)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, allocate, NULL))
		abort();
	pthread_join(thread, NULL);
}

__attribute__((constructor)) static void begin(void)
{
	run_thread();
}

__attribute__((destructor)) static void end(void)
{
	run_thread();
}
