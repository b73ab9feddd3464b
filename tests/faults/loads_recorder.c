/* SPDX-License-Identifier: MIT */
/*
 * loads_recorder LIBRARY: loads the recorder by dlopen, and closes it again, while threads
 * allocate that go on afterwards; then thirty times more.
 */
#include <dlfcn.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define THREADS 3

static atomic_bool stop;
static atomic_long rounds;

static void *allocate(void *argument)
{
	while (!stop) {
		free(malloc(100));
		rounds++;
	}
	return argument;
}

static void wait_for_rounds(long more)
{
	long until = rounds + more;

	while (rounds < until)
		usleep(1000);
}

int main(int argc, char **argv)
{
	pthread_t threads[THREADS];

	if (argc != 2)
		return 2;
	for (int i = 0; i < THREADS; i++)
		if (pthread_create(&threads[i], NULL, allocate, NULL))
			return 3;
	for (int i = 0; i < 30; i++) {
		void *library = dlopen(argv[1], RTLD_NOW | RTLD_GLOBAL);

		if (!library)
			return 4;
		wait_for_rounds(100);
		dlclose(library);
		wait_for_rounds(100);
	}
	stop = true;
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	puts("loaded and closed");
	return 0;
}
