/* SPDX-License-Identifier: MIT */
/*
 * fork_storm FORKS: three threads allocate all the time while the main thread forks;
 * every child allocates, starts a thread that allocates, and ends. The parent's counts are
 * exact and each child must end by itself within ten seconds.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "truth.h"

#define THREADS 3
#define IN_CHILD 200

static _Atomic int stop;

static TRUTH_SITE void *in_parent(size_t size)
{
	return malloc(size);
}

static TRUTH_SITE void *in_child(size_t size)
{
	return malloc(size);
}

static void *churn(void *argument)
{
	struct truth_count *count = argument;

	for (size_t i = 0; !atomic_load(&stop); i++) {
		size_t size = 1 + i % 700;

		free(in_parent(size));
		truth_allocated(count, size);
		truth_freed(count, size);
		if (i % 64 == 0)
			usleep(100);
	}
	return NULL;
}

static void *churn_in_child(void *argument)
{
	for (size_t i = 1; i <= IN_CHILD; i++)
		free(in_child(i));
	return argument;
}

static void be_child(void)
{
	pthread_t thread;

	alarm(10);
	churn_in_child(NULL);
	if (pthread_create(&thread, NULL, churn_in_child, NULL))
		_exit(3);
	pthread_join(thread, NULL);
	_exit(0);
}

int main(int argc, char **argv)
{
	static struct truth_count counts[THREADS];
	struct truth_count sum = {0};
	pthread_t threads[THREADS];
	long forks = argc == 2 ? atol(argv[1]) : 0;
	long bad = 0;

	for (int i = 0; i < THREADS; i++)
		if (pthread_create(&threads[i], NULL, churn, &counts[i]))
			return 3;
	for (long i = 0; i < forks; i++) {
		pid_t pid = fork();
		int status;

		if (pid == 0)
			be_child();
		bad += pid < 0 || waitpid(pid, &status, 0) != pid || status != 0;
	}
	atomic_store(&stop, 1);
	for (int i = 0; i < THREADS; i++) {
		pthread_join(threads[i], NULL);
		sum.allocations += counts[i].allocations;
		sum.allocated_bytes += counts[i].allocated_bytes;
	}
	truth_site("in_parent", &sum, NULL);
	truth_number("pid", getpid());
	truth_number("bad", bad);
	truth_number("in_child", 2 * IN_CHILD);
	truth_print();
	return bad != 0;
}
