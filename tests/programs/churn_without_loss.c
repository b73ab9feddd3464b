/* SPDX-License-Identifier: MIT */
/*
 * Threads that allocate, hand over and free without pause, and never lose a block: at every
 * instant each is held by a table or by the thread that is busy with it. Runs until its
 * standard input ends; its first argument is the number of threads.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define SLOTS 4096
#define THREADS_MOST 16

static _Atomic(void *) slots[SLOTS];
static atomic_bool stopping;

static void *churn(void *argument)
{
	unsigned seed = (unsigned)(size_t)argument * 2654435761u + 1;

	while (!stopping) {
		void *fresh, *old;

		seed = seed * 1664525u + 1013904223u;
		fresh = malloc(16 + (seed >> 20));
		old = atomic_exchange(&slots[(seed >> 8) % SLOTS], fresh);
		free(old);
	}
	return NULL;
}

int main(int argc, char **argv)
{
	pthread_t threads[THREADS_MOST];
	int count = argc > 1 ? atoi(argv[1]) : 2;
	char byte;

	for (int i = 0; i < count && i < THREADS_MOST; i++) {
		if (pthread_create(&threads[i], NULL, churn, (void *)(size_t)i))
			return 1;
	}
	if (write(STDOUT_FILENO, "{}\n", 3) != 3)
		return 1;
	while (read(STDIN_FILENO, &byte, 1) > 0)
		;
	stopping = true;
	for (int i = 0; i < count && i < THREADS_MOST; i++)
		pthread_join(threads[i], NULL);
	for (size_t i = 0; i < SLOTS; i++)
		free(slots[i]);
	return 0;
}
