/* SPDX-License-Identifier: MIT */
/*
 * Blocks that are allocated and freed while their thread dies: in the destructors of 40
 * pthread keys (more than the 32 that need no memory), which store a new block three times
 * before they let go. The last round's block is left unfreed by every tenth key.
 */
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "truth.h"

#define KEYS 40
#define THREADS 50
#define SIZE 120

static pthread_key_t keys[KEYS];
static _Atomic long allocations, frees;

struct held {
	int key;
	int round;
};

static TRUTH_SITE struct held *in_thread(void)
{
	atomic_fetch_add(&allocations, 1);
	return malloc(SIZE);
}

static TRUTH_SITE struct held *in_key_destructor(void)
{
	return malloc(SIZE);
}

static _Atomic long destructor_allocations, destructor_frees;

static void destroy(void *value)
{
	struct held *held = value;
	int key = held->key, round = held->round;

	free(held);
	if (round == 0)
		atomic_fetch_add(&frees, 1);
	else
		atomic_fetch_add(&destructor_frees, 1);
	if (round == PTHREAD_DESTRUCTOR_ITERATIONS - 1)
		return;
	held = in_key_destructor();
	atomic_fetch_add(&destructor_allocations, 1);
	held->key = key;
	held->round = round + 1;
	if (round + 1 == PTHREAD_DESTRUCTOR_ITERATIONS - 1 && key % 10 == 0)
		return; /* left unfreed */
	pthread_setspecific(keys[key], held);
}

static void *hold_and_die(void *argument)
{
	for (int i = 0; i < KEYS; i++) {
		struct held *held = in_thread();

		held->key = i;
		held->round = 0;
		pthread_setspecific(keys[i], held);
	}
	return argument;
}

static void report(const char *function, long made, long released)
{
	struct truth_count count = {(uint64_t)made, (uint64_t)made * SIZE,
				    (uint64_t)(made - released),
				    (uint64_t)(made - released) * SIZE};

	truth_site(function, &count, NULL);
}

int main(void)
{
	for (int i = 0; i < KEYS; i++)
		if (pthread_key_create(&keys[i], destroy))
			return 3;
	for (int i = 0; i < THREADS; i++) {
		pthread_t thread;

		if (pthread_create(&thread, NULL, hold_and_die, NULL))
			return 3;
		pthread_join(thread, NULL);
	}
	report("in_thread", allocations, frees);
	report("in_key_destructor", destructor_allocations, destructor_frees);
	truth_print();
	return 0;
}
