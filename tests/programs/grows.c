/* SPDX-License-Identifier: MIT */
/*
 * grows.c - a list that nobody prunes, a cache that fills up, and work that comes and goes.
 *
 * 400 rounds of a millisecond. Each round adds a block of 512 bytes to the list; the cache
 * has all its 64 blocks after 80 rounds and then replaces one each round; the work is freed
 * at once. Prints as JSON how many bytes the list gained each second.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum {
	ROUNDS = 400,
	NODE_BYTES = 512,
	CACHE_BLOCKS = 64
};

static void *volatile list;
static void *cache[CACHE_BLOCKS];

static __attribute__((noinline)) void add_to_list(void)
{
	void **node = malloc(NODE_BYTES);

	if (!node)
		abort();
	*node = list;
	list = node;
}

static __attribute__((noinline)) void fill_cache(unsigned round)
{
	unsigned place = round % CACHE_BLOCKS;

	free(cache[place]);
	cache[place] = malloc(4096);
}

static __attribute__((noinline)) void work(unsigned round)
{
	void *volatile block = malloc(1000 + round);

	free(block);
}

static double now_s(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

int main(void)
{
	const struct timespec pause = {.tv_nsec = 1000000};
	double begun = now_s();

	for (unsigned round = 0; round < ROUNDS; round++) {
		add_to_list();
		fill_cache(round);
		work(round);
		nanosleep(&pause, NULL);
	}
	printf("{\"bytes_per_s\": %.0f}\n", ROUNDS * NODE_BYTES / (now_s() - begun));
	return 0;
}
