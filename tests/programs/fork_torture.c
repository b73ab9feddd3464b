/* SPDX-License-Identifier: MIT */
/*
 * fork_torture FORKS VFORKS: four threads allocate without pause while the first one forks
 * and vforks by turns. A forked child allocates and starts a thread that does; a vforked
 * one allocates from the memory that it shares. Each has ten seconds; what each did is
 * known.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "truth.h"

#define THREADS 4
#define IN_CHILD 50
#define BORROWED_BYTES 77

static _Atomic int stop;
static void *volatile borrowed;

static TRUTH_SITE void *in_parent(size_t size)
{
	return malloc(size);
}

static TRUTH_SITE void *in_child(size_t size)
{
	return malloc(size);
}

static TRUTH_SITE void *in_vfork_child(size_t size)
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
		/* Most of the time is the forks'. */
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

static long by_fork(void)
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		pthread_t thread;

		alarm(10);
		churn_in_child(NULL);
		if (pthread_create(&thread, NULL, churn_in_child, NULL))
			_exit(3);
		pthread_join(thread, NULL);
		_exit(0);
	}
	return pid < 0 || waitpid(pid, &status, 0) != pid || status != 0;
}

/* The child's only steps, in a frame that the parent does not use meanwhile. */
static __attribute__((noinline)) pid_t start_by_vfork(void)
{
	pid_t pid = vfork();

	if (pid == 0) {
		borrowed = in_vfork_child(BORROWED_BYTES);
		_exit(borrowed == NULL);
	}
	return pid;
}

static long by_vfork(struct truth_count *count)
{
	pid_t pid = start_by_vfork();
	int status;
	long bad = pid < 0 || waitpid(pid, &status, 0) != pid || status != 0;

	truth_allocated(count, BORROWED_BYTES);
	free(borrowed);
	truth_freed(count, BORROWED_BYTES);
	return bad;
}

int main(int argc, char **argv)
{
	static struct truth_count counts[THREADS];
	struct truth_count sum = {0}, vfork_count = {0};
	long forks = argc == 3 ? atol(argv[1]) : 0, vforks = argc == 3 ? atol(argv[2]) : 0;
	pthread_t threads[THREADS];
	long bad = 0;

	for (int i = 0; i < THREADS; i++)
		if (pthread_create(&threads[i], NULL, churn, &counts[i]))
			return 3;
	for (long i = 0; i < forks || i < vforks; i++) {
		if (i < forks)
			bad += by_fork();
		if (i < vforks)
			bad += by_vfork(&vfork_count);
	}
	atomic_store(&stop, 1);
	for (int i = 0; i < THREADS; i++) {
		pthread_join(threads[i], NULL);
		sum.allocations += counts[i].allocations;
		sum.allocated_bytes += counts[i].allocated_bytes;
	}
	truth_site("in_parent", &sum, NULL);
	truth_site("in_vfork_child", &vfork_count, NULL);
	truth_number("pid", getpid());
	truth_number("bad", bad);
	truth_number("in_child", 2 * IN_CHILD);
	truth_print();
	return bad != 0;
}
