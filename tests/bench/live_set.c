/* SPDX-License-Identifier: MIT */
/*
 * live_set.c - threads that keep a set of live blocks and replace random ones.
 *
 * live_set THREADS LIVE STEPS: LIVE blocks of 16 to 512 bytes, shared out among THREADS
 * threads; with 0 the main thread does it and there is no other. Each thread does STEPS
 * steps: it frees one of its blocks, chosen at random, and allocates another one of random
 * size, by one of 64 call paths chosen at random. Prints operations=STEPS of all threads
 * together and the time of the steps alone: the first filling, the threads' start and their
 * end are not counted.
 */
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "stopwatch.h"

#define THREADS_MAX 64
#define PATH_LEVELS 6
#define SIZE_MIN 16
#define SIZE_SPAN 497 /* 16 to 512 */

struct worker {
	pthread_t thread;
	uint64_t random;
	uint64_t steps;
	size_t live;
	void **blocks;
};

static pthread_barrier_t filled, started, finished;

static uint64_t next_random(struct worker *worker)
{
	/* Marsaglia, "Xorshift RNGs", 2003. */
	worker->random ^= worker->random << 13;
	worker->random ^= worker->random >> 7;
	worker->random ^= worker->random << 17;
	return worker->random;
}

static void *by_path(unsigned level, unsigned path, size_t size);

/* Both are alike but for their frames; the asm keeps the calls from becoming jumps. */
static __attribute__((noinline)) void *by_left(unsigned level, unsigned path, size_t size)
{
	void *block = by_path(level + 1, path >> 1, size);

	__asm__ volatile("" : "+r"(block));
	return block;
}

static __attribute__((noinline)) void *by_right(unsigned level, unsigned path, size_t size)
{
	char room[64];
	void *block;

	__asm__ volatile("" : : "r"(room) : "memory");
	block = by_path(level + 1, path >> 1, size);
	__asm__ volatile("" : "+r"(block));
	return block;
}

static inline __attribute__((always_inline)) void *by_path(unsigned level, unsigned path,
							   size_t size)
{
	if (level == PATH_LEVELS)
		return malloc(size);
	return path & 1 ? by_right(level, path, size) : by_left(level, path, size);
}

static void replace(struct worker *worker, size_t slot)
{
	uint64_t random = next_random(worker);
	char *block = by_path(0, random & 63, SIZE_MIN + (random >> 8) % SIZE_SPAN);

	if (!block)
		abort();
	block[0] = 1;
	worker->blocks[slot] = block;
}

static void fill(struct worker *worker)
{
	for (size_t i = 0; i < worker->live; i++)
		replace(worker, i);
}

static void take_steps(struct worker *worker)
{
	for (uint64_t i = 0; i < worker->steps; i++) {
		size_t slot = (next_random(worker) >> 16) % worker->live;

		free(worker->blocks[slot]);
		replace(worker, slot);
	}
}

static void empty(struct worker *worker)
{
	for (size_t i = 0; i < worker->live; i++)
		free(worker->blocks[i]);
	free(worker->blocks);
}

static void *work(void *argument)
{
	struct worker *worker = argument;

	fill(worker);
	pthread_barrier_wait(&filled);
	pthread_barrier_wait(&started);
	take_steps(worker);
	pthread_barrier_wait(&finished);
	empty(worker);
	return NULL;
}

static void prepare(struct worker *worker, size_t live, uint64_t steps, uint64_t seed)
{
	*worker = (struct worker){
		.random = seed * 0x9e3779b97f4a7c15u,
		.steps = steps,
		.live = live,
		.blocks = calloc(live, sizeof(void *)),
	};
	if (!worker->blocks)
		abort();
}

static void run_threads(struct worker *workers, size_t threads, struct stopwatch *watch)
{
	pthread_barrier_init(&filled, NULL, (unsigned)threads + 1);
	pthread_barrier_init(&started, NULL, (unsigned)threads + 1);
	pthread_barrier_init(&finished, NULL, (unsigned)threads + 1);
	for (size_t i = 0; i < threads; i++) {
		if (pthread_create(&workers[i].thread, NULL, work, &workers[i]) != 0)
			abort();
	}
	pthread_barrier_wait(&filled);
	stopwatch_start(watch);
	pthread_barrier_wait(&started);
	pthread_barrier_wait(&finished);
	stopwatch_stop(watch);
	for (size_t i = 0; i < threads; i++)
		pthread_join(workers[i].thread, NULL);
}

static void run_alone(struct worker *worker, struct stopwatch *watch)
{
	fill(worker);
	stopwatch_start(watch);
	take_steps(worker);
	stopwatch_stop(watch);
	empty(worker);
}

int main(int argc, char **argv)
{
	static struct worker workers[THREADS_MAX];
	size_t threads = argc == 4 ? strtoul(argv[1], NULL, 10) : 0;
	size_t live = argc == 4 ? strtoul(argv[2], NULL, 10) : 0;
	uint64_t steps = argc == 4 ? strtoull(argv[3], NULL, 10) : 0;
	struct stopwatch watch;

	if (threads > THREADS_MAX || live == 0 || live < threads || steps == 0) {
		fprintf(stderr, "usage: live_set THREADS LIVE STEPS\n");
		return 2;
	}
	if (threads == 0) {
		prepare(&workers[0], live, steps, 1);
		run_alone(&workers[0], &watch);
		stopwatch_print(&watch, steps);
		return 0;
	}
	for (size_t i = 0; i < threads; i++)
		prepare(&workers[i], live / threads, steps, i + 1);
	run_threads(workers, threads, &watch);
	stopwatch_print(&watch, steps * threads);
	return 0;
}
