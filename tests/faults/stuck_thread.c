/* SPDX-License-Identifier: MIT */
/*
 * stuck_thread [STOPS]: a timer's signal stops a thread wherever it is, also in the middle
 * of an allocation and of its recording, and the handler waits there until two other
 * threads have allocated a good deal. If anything held a lock meanwhile nobody would go on.
 * To be run on reentrant_allocator.
 */
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

#include "truth.h"

#define THREADS 2
#define MEANWHILE 2000

static atomic_ulong done[THREADS];
static struct truth_count meanwhile[THREADS];
static atomic_int stops;
static int wanted = 200;

static TRUTH_SITE void *while_stuck(size_t size)
{
	return malloc(size);
}

static TRUTH_SITE void *until_stuck(size_t size)
{
	return malloc(size);
}

static void handler(int signal)
{
	unsigned long seen[THREADS];

	(void)signal;
	for (int i = 0; i < THREADS; i++)
		seen[i] = atomic_load(&done[i]);
	for (int i = 0; i < THREADS; i++)
		while (atomic_load(&done[i]) - seen[i] < MEANWHILE &&
		       atomic_load(&stops) < wanted)
			;
	atomic_fetch_add(&stops, 1);
}

static void *thread(void *argument)
{
	const size_t number = (size_t)argument;

	for (unsigned long i = 1; atomic_load(&stops) < wanted; i++) {
		free(while_stuck(number + 1));
		truth_allocated(&meanwhile[number], number + 1);
		truth_freed(&meanwhile[number], number + 1);
		atomic_store(&done[number], i);
	}
	return NULL;
}

int main(int argc, char **argv)
{
	struct itimerval timer = {{0, 700}, {0, 700}}, off = {{0, 0}, {0, 0}};
	struct truth_count stuck = {0};
	pthread_t threads[THREADS];
	struct sigaction action;
	sigset_t timers;

	if (argc == 2)
		wanted = atoi(argv[1]);
	memset(&action, 0, sizeof(action));
	action.sa_handler = handler;
	action.sa_flags = SA_RESTART;
	sigemptyset(&timers);
	sigaddset(&timers, SIGALRM);
	pthread_sigmask(SIG_BLOCK, &timers, NULL);
	for (size_t i = 0; i < THREADS; i++)
		if (pthread_create(&threads[i], NULL, thread, (void *)i))
			return 3;
	pthread_sigmask(SIG_UNBLOCK, &timers, NULL);
	if (sigaction(SIGALRM, &action, NULL) || setitimer(ITIMER_REAL, &timer, NULL))
		return 4;
	while (atomic_load(&stops) < wanted) {
		free(until_stuck(10));
		truth_allocated(&stuck, 10);
		truth_freed(&stuck, 10);
	}
	setitimer(ITIMER_REAL, &off, NULL);
	for (size_t i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	meanwhile[0].allocations += meanwhile[1].allocations;
	meanwhile[0].allocated_bytes += meanwhile[1].allocated_bytes;
	truth_site("until_stuck", &stuck, NULL);
	truth_site("while_stuck", &meanwhile[0], NULL);
	truth_print();
	return 0;
}
