/* SPDX-License-Identifier: MIT */
/*
 * One address goes through the hands of three threads: T1 allocates and frees it, T2 gets
 * the same memory and frees it, T3 ... At the end of each round one of them leaves the
 * block unfreed, and it alone must be named. Run with one arena and no thread cache
 * (GLIBC_TUNABLES), so that the memory freed by one thread is what the next one is given;
 * "reused" counts how often it was.
 */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "truth.h"

#define THREADS 3
#define ROUNDS 600
#define TURNS 50 /* per round */

static _Atomic long turn; /* whose turn it is: turn % THREADS, of all rounds together */
static void *last_address;
static long long reused;
static struct truth_count counts[THREADS];
static long long frees;

#define OWNER(n)                                                                           \
	static TRUTH_SITE void *owner_##n(void *block, size_t size)                        \
	{                                                                                  \
		return block ? realloc(block, size) : malloc(size);                        \
	}

OWNER(0)
OWNER(1)
OWNER(2)

static void *(*const owner[THREADS])(void *block, size_t size) = {owner_0, owner_1,
								  owner_2};
static const char *const names[THREADS] = {"owner_0", "owner_1", "owner_2"};

/* Too large for the fast bins, so that what is freed is merged and given out first. */
static size_t size_of_round(long round)
{
	return 2000 + (size_t)round % 40 * 16;
}

static void take_turn(int self, long now)
{
	long round = now / TURNS;
	size_t size = size_of_round(round);
	void *block = owner[self](NULL, size);

	truth_allocated(&counts[self], size);
	reused += block == last_address;
	last_address = block;
	if (now % 5 == 0) {
		block = owner[self](block, size + 300);
		truth_freed(&counts[self], size);
		size += 300;
		truth_allocated(&counts[self], size);
		last_address = block;
	}
	if (now % TURNS == TURNS - 1)
		return; /* stays unfreed */
	free(block);
	frees++;
	truth_freed(&counts[self], size);
}

static void *work(void *argument)
{
	int self = (int)(intptr_t)argument;
	long now;

	for (;;) {
		while ((now = atomic_load(&turn)) % THREADS != self) {
			if (now >= (long)ROUNDS * TURNS)
				return NULL;
			sched_yield();
		}
		if (now >= (long)ROUNDS * TURNS)
			return NULL;
		take_turn(self, now);
		atomic_store(&turn, now + 1);
	}
}

int main(void)
{
	pthread_t threads[THREADS];

	for (int i = 0; i < THREADS; i++)
		if (pthread_create(&threads[i], NULL, work, (void *)(intptr_t)i))
			return 3;
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	for (int i = 0; i < THREADS; i++)
		truth_site(names[i], &counts[i], NULL);
	truth_number("reused", reused);
	truth_number("frees", frees);
	truth_print();
	return 0;
}
