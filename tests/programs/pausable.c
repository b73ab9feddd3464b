/* SPDX-License-Identifier: MIT */
/*
 * pausable THREADS: allocates, frees and reallocates in THREADS threads until its standard
 * input ends, and counts what it did; then it frees all but the blocks of `kept`.
 *
 * On each line of input main makes a block in `kept`, to which only the next one points,
 * and answers with a line.
 * Truth: calls (allocations in all threads), kept.
 */
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include "truth.h"

#define THREADS_MOST 16
#define SLOTS 64
#define KEPT_MOST 1000
#define KEPT_BYTES 100

static bool stop; /* atomic */
/* The newest of them; each points to the one before. */
void **newest_kept;

static TRUTH_SITE void *kept(void)
{
	return malloc(KEPT_BYTES);
}

static TRUTH_SITE void *churned(size_t bytes)
{
	return malloc(bytes);
}

static TRUTH_SITE void *moved(void *block, size_t bytes)
{
	return realloc(block, bytes);
}

static void *churn(void *argument)
{
	unsigned seed = (unsigned)(uintptr_t)argument;
	void *slots[SLOTS] = {NULL};
	uintptr_t calls = 0;

	while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
		size_t at = (size_t)rand_r(&seed) % SLOTS;
		size_t bytes = 1 + (size_t)rand_r(&seed) % 500;

		if (slots[at] && bytes % 4 == 0) {
			slots[at] = moved(slots[at], bytes);
			calls++;
		} else if (slots[at]) {
			free(slots[at]);
			slots[at] = NULL;
		} else {
			slots[at] = churned(bytes);
			calls++;
		}
		if (bytes <= 50)
			usleep(1000);
	}
	for (size_t i = 0; i < SLOTS; i++)
		free(slots[i]);
	return (void *)calls;
}

int main(int argc, char **argv)
{
	struct truth_count count = {0};
	pthread_t threads[THREADS_MOST];
	int many = argc > 1 ? atoi(argv[1]) : 1;
	long long calls = 0;
	size_t lines = 0;
	void **block;
	char byte;

	if (many > THREADS_MOST)
		return 99;
	for (int i = 0; i < many; i++)
		if (pthread_create(&threads[i], NULL, churn, (void *)(uintptr_t)(i + 1)))
			return 99;
	while (read(0, &byte, 1) == 1) {
		if (byte != '\n' || lines == KEPT_MOST)
			continue;
		block = kept();
		*block = newest_kept;
		newest_kept = block;
		lines++;
		truth_allocated(&count, KEPT_BYTES);
		calls++;
		if (write(1, "\n", 1) != 1)
			return 99;
	}
	__atomic_store_n(&stop, true, __ATOMIC_RELAXED);
	for (int i = 0; i < many; i++) {
		void *result;

		pthread_join(threads[i], &result);
		calls += (long long)(uintptr_t)result;
	}
	truth_number("calls", calls);
	truth_site("kept", &count, NULL);
	truth_print();
	return 0;
}
