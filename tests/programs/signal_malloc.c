/* SPDX-License-Identifier: MIT */
/*
 * signal_malloc [MICROSECONDS [BLOCKS]]: a timer's signal handler allocates wherever it
 * interrupts the program: also in the middle of an allocation and of its recording. To be
 * run on reentrant_allocator, because the C library's allocator must not be entered by
 * handlers.
 */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

#include "truth.h"

#define BLOCKS 3000000
#define SIGNALS 300 /* at least so many must have come */

static struct truth_count in_handler_count;
static volatile sig_atomic_t signals;

static TRUTH_SITE void *in_signal_handler(size_t size)
{
	return malloc(size);
}

static TRUTH_SITE void *in_main_loop(size_t size)
{
	return malloc(size);
}

static void handler(int signal)
{
	void *block = in_signal_handler(77);

	(void)signal;
	truth_allocated(&in_handler_count, 77);
	if (signals++ % 4) {
		free(block);
		truth_freed(&in_handler_count, 77);
	}
}

int main(int argc, char **argv)
{
	const long microseconds = argc > 1 ? atol(argv[1]) : 200;
	const size_t blocks = argc > 2 ? (size_t)atol(argv[2]) : BLOCKS;
	struct itimerval timer = {{0, microseconds}, {0, microseconds}};
	struct itimerval off = {{0, 0}, {0, 0}};
	struct truth_count count = {0};
	struct sigaction action;

	memset(&action, 0, sizeof(action));
	action.sa_handler = handler;
	action.sa_flags = SA_RESTART;
	if (sigaction(SIGALRM, &action, NULL) || setitimer(ITIMER_REAL, &timer, NULL))
		return 3;
	for (size_t i = 0; i < blocks || signals < SIGNALS; i++) {
		size_t size = 1 + i % 50;
		void *block = in_main_loop(size);

		truth_allocated(&count, size);
		if (i % 100) {
			free(block);
			truth_freed(&count, size);
		}
	}
	setitimer(ITIMER_REAL, &off, NULL);
	truth_site("in_main_loop", &count, NULL);
	truth_site("in_signal_handler", &in_handler_count, NULL);
	truth_number("signals", signals);
	truth_print();
	return 0;
}
