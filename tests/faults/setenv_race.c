/* SPDX-License-Identifier: MIT */
/*
 * One thread changes the environment all the time, so that its array moves and its strings
 * are freed, while others allocate, fork and end threads. In the end the environment is
 * printed as a child finds it.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "truth.h"

#define THREADS 3
#define BLOCKS 20000
#define NAMES 200

static atomic_bool stop;

static TRUTH_SITE void *beside_setenv(size_t size)
{
	return malloc(size);
}

static void *change_environment(void *argument)
{
	char name[32], value[600];

	for (unsigned i = 0; !stop; i++) {
		snprintf(name, sizeof(name), "RACE_%u", i % NAMES);
		snprintf(value, sizeof(value), "%0*u", (int)(1 + i % 500), i);
		if (setenv(name, value, 1))
			abort();
		if (i % 3 == 0)
			unsetenv(name);
		if (i % 997 == 0)
			for (unsigned k = 0; k < NAMES; k++) {
				snprintf(name, sizeof(name), "RACE_%u", k);
				unsetenv(name);
			}
	}
	return argument;
}

static void *allocate(void *argument)
{
	struct truth_count *count = argument;

	for (size_t i = 1; i <= BLOCKS; i++) {
		free(beside_setenv(i % 900));
		truth_allocated(count, i % 900);
		truth_freed(count, i % 900);
	}
	return NULL;
}

int main(void)
{
	pthread_t changer, threads[THREADS];
	struct truth_count counts[THREADS] = {0}, sum = {0};
	char name[32];

	if (pthread_create(&changer, NULL, change_environment, NULL))
		return 2;
	for (int i = 0; i < THREADS; i++)
		if (pthread_create(&threads[i], NULL, allocate, &counts[i]))
			return 2;
	for (int i = 0; i < 20; i++) {
		pid_t pid = fork();
		int status;

		if (!pid)
			_exit(0);
		if (waitpid(pid, &status, 0) != pid || status)
			return 3;
	}
	for (int i = 0; i < THREADS; i++) {
		pthread_join(threads[i], NULL);
		sum.allocations += counts[i].allocations;
		sum.allocated_bytes += counts[i].allocated_bytes;
	}
	stop = true;
	pthread_join(changer, NULL);
	for (unsigned k = 0; k < NAMES; k++) {
		snprintf(name, sizeof(name), "RACE_%u", k);
		unsetenv(name);
	}
	truth_number("pid", getpid());
	truth_site("beside_setenv", &sum, NULL);
	truth_print();
	execlp("env", "env", (char *)NULL);
	return 4;
}
