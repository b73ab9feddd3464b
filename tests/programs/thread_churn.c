/* SPDX-License-Identifier: MIT */
/*
 * thread_churn THREADS [ALLOCATIONS]: as many short-lived threads, four at a time; each
 * allocates, five times or as often as is said, frees all but the last, and hands that on
 * to main, which frees every second of them.
 */
#include <pthread.h>
#include <stdlib.h>

#include "truth.h"

#define AT_A_TIME 4
#define SIZE 200

static long per_thread = 5;

static TRUTH_SITE void *in_short_thread(void)
{
	return malloc(SIZE);
}

static void *live_shortly(void *argument)
{
	(void)argument;
	for (long i = 1; i < per_thread; i++)
		free(in_short_thread());
	return in_short_thread();
}

int main(int argc, char **argv)
{
	long threads = argc > 1 ? atol(argv[1]) : 0;
	struct truth_count count = {0};
	pthread_attr_t attributes;

	if (argc > 2)
		per_thread = atol(argv[2]);
	if (threads <= 0 || per_thread <= 0 || threads % AT_A_TIME)
		return 2;
	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, 64 * 1024);
	for (long started = 0; started < threads; started += AT_A_TIME) {
		pthread_t group[AT_A_TIME];

		for (int i = 0; i < AT_A_TIME; i++)
			if (pthread_create(&group[i], &attributes, live_shortly, NULL))
				return 3;
		for (int i = 0; i < AT_A_TIME; i++) {
			void *block;

			pthread_join(group[i], &block);
			count.allocations += (uint64_t)per_thread;
			count.allocated_bytes += (uint64_t)per_thread * SIZE;
			if (i % 2 == 0) {
				free(block);
			} else {
				count.live_blocks++;
				count.live_bytes += SIZE;
			}
		}
	}
	truth_site("in_short_thread", &count, NULL);
	truth_number("threads", threads + 1);
	truth_print();
	return 0;
}
