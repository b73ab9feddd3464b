/* SPDX-License-Identifier: MIT */
/*
 * server_churn.c - a server whose threads come and go and inherit each other's blocks.
 *
 * server_churn THREADS BLOCKS MILLISECONDS: THREADS lanes of BLOCKS live blocks of 8 to
 * 1,000 bytes. A thread replaces random blocks of its lane, 100 times as many as there are,
 * and then hands the lane to a new thread and ends, so that most blocks are freed by a
 * thread that did not allocate them. After Larson and Krishnan, "Memory Allocation for
 * Long-Running Server Applications", ISMM 1998. Prints operations= replacements and the
 * time they took.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "stopwatch.h"

#define LANES_MAX 64
#define ROUNDS 100
#define SIZE_MIN 8
#define SIZE_SPAN 993 /* 8 to 1,000 */

/* Alone on its cache lines: lanes share nothing. */
struct lane {
	void **blocks;
	size_t count;
	uint64_t random;
	uint64_t operations;
} __attribute__((aligned(128)));

static atomic_bool stopping;
static pthread_barrier_t finished;

static uint64_t next_random(struct lane *lane)
{
	/* Marsaglia, "Xorshift RNGs", 2003. */
	lane->random ^= lane->random << 13;
	lane->random ^= lane->random >> 7;
	lane->random ^= lane->random << 17;
	return lane->random;
}

static void allocate(struct lane *lane, size_t slot)
{
	char *block = malloc(SIZE_MIN + (next_random(lane) >> 8) % SIZE_SPAN);

	if (!block)
		abort();
	block[0] = 1;
	lane->blocks[slot] = block;
}

static void *generation(void *argument);

static void next_generation(struct lane *lane)
{
	pthread_attr_t attributes;
	pthread_t thread;

	pthread_attr_init(&attributes);
	pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	if (pthread_create(&thread, &attributes, generation, lane) != 0)
		abort();
	pthread_attr_destroy(&attributes);
}

static void *generation(void *argument)
{
	struct lane *lane = argument;

	for (unsigned round = 0; round < ROUNDS; round++) {
		if (atomic_load_explicit(&stopping, memory_order_relaxed)) {
			pthread_barrier_wait(&finished);
			return NULL;
		}
		for (size_t i = 0; i < lane->count; i++) {
			size_t slot = (next_random(lane) >> 16) % lane->count;

			free(lane->blocks[slot]);
			allocate(lane, slot);
		}
		lane->operations += lane->count;
	}
	next_generation(lane);
	return NULL;
}

int main(int argc, char **argv)
{
	static struct lane lanes[LANES_MAX];
	size_t threads = argc == 4 ? strtoul(argv[1], NULL, 10) : 0;
	size_t count = argc == 4 ? strtoul(argv[2], NULL, 10) : 0;
	unsigned long ms = argc == 4 ? strtoul(argv[3], NULL, 10) : 0;
	struct timespec pause = {.tv_sec = (time_t)(ms / 1000),
				 .tv_nsec = (long)(ms % 1000) * 1000000};
	struct stopwatch watch;
	uint64_t operations = 0;

	if (threads == 0 || threads > LANES_MAX || count == 0 || ms == 0) {
		fprintf(stderr, "usage: server_churn THREADS BLOCKS MILLISECONDS\n");
		return 2;
	}
	pthread_barrier_init(&finished, NULL, (unsigned)threads + 1);
	for (size_t i = 0; i < threads; i++) {
		lanes[i].random = (i + 1) * 0x9e3779b97f4a7c15u;
		lanes[i].count = count;
		lanes[i].blocks = calloc(count, sizeof(void *));
		if (!lanes[i].blocks)
			abort();
		for (size_t slot = 0; slot < count; slot++)
			allocate(&lanes[i], slot);
	}
	stopwatch_start(&watch);
	for (size_t i = 0; i < threads; i++)
		next_generation(&lanes[i]);
	clock_nanosleep(CLOCK_MONOTONIC, 0, &pause, NULL);
	atomic_store(&stopping, true);
	pthread_barrier_wait(&finished);
	stopwatch_stop(&watch);
	for (size_t i = 0; i < threads; i++)
		operations += lanes[i].operations;
	stopwatch_print(&watch, operations);
	return 0;
}
