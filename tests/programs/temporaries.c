/* SPDX-License-Identifier: MIT */
/*
 * Blocks that are freed by their own thread before it allocates anything else, and blocks
 * that only look so: freed after another allocation, or by another thread.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "truth.h"

#define ROUNDS 1000
#define SIZE 72

static TRUTH_SITE void *temporary(void)
{
	return malloc(SIZE);
}

static TRUTH_SITE void *outlived_outer(void)
{
	return malloc(SIZE);
}

/* Between the allocation of the outer block and its release: not temporary itself either,
 * because the outer one is freed first and then a third block is allocated. */
static TRUTH_SITE void *outlived_inner(void)
{
	return malloc(SIZE);
}

static TRUTH_SITE void *freed_elsewhere(void)
{
	return malloc(SIZE);
}

static void *free_all(void *argument)
{
	void **blocks = argument;

	for (int i = 0; i < ROUNDS; i++)
		free(blocks[i]);
	return NULL;
}

static void report(const char *function, uint64_t allocations, uint64_t temporaries)
{
	struct truth_count count = {allocations, allocations * SIZE, 0, 0};
	char extra[48];

	snprintf(extra, sizeof(extra), "\"temporary\": %llu",
		 (unsigned long long)temporaries);
	truth_site(function, &count, extra);
}

int main(void)
{
	static void *blocks[ROUNDS];
	pthread_t thread;

	for (int i = 0; i < ROUNDS; i++)
		free(temporary());
	for (int i = 0; i < ROUNDS; i++) {
		void *outer = outlived_outer();
		void *inner = outlived_inner();

		free(outer);
		blocks[0] = inner;
		inner = temporary();
		free(inner);
		free(blocks[0]);
	}
	for (int i = 0; i < ROUNDS; i++)
		blocks[i] = freed_elsewhere();
	if (pthread_create(&thread, NULL, free_all, blocks))
		return 1;
	pthread_join(thread, NULL);
	report("temporary", 2 * ROUNDS, 2 * ROUNDS);
	report("outlived_outer", ROUNDS, 0);
	report("outlived_inner", ROUNDS, 0);
	report("freed_elsewhere", ROUNDS, 0);
	truth_number("rounds", ROUNDS);
	truth_print();
	return 0;
}
