/* SPDX-License-Identifier: MIT */
/*
 * Compiled with -fsplit-stack: its functions get their stacks piece by piece, and the stack
 * of a caller may lie anywhere. Recurses, allocates at every depth, in threads too.
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "truth.h"

#define DEPTH 300
#define ROUNDS 20
#define THREADS 3
#define FRAME_BYTES 2000

static TRUTH_SITE void *deep(size_t size)
{
	return malloc(size);
}

static __attribute__((noinline)) size_t recurse(size_t depth, struct truth_count *count)
{
	volatile char frame[FRAME_BYTES];
	size_t result;
	void *block;

	memset((void *)frame, (int)depth, sizeof(frame));
	block = deep(depth);
	truth_allocated(count, depth);
	result = depth > 1 ? recurse(depth - 1, count) : 0;
	free(block);
	truth_freed(count, depth);
	return result + (size_t)frame[depth % FRAME_BYTES];
}

static void *thread(void *argument)
{
	for (int i = 0; i < ROUNDS; i++)
		recurse(DEPTH, argument);
	return NULL;
}

int main(void)
{
	static struct truth_count counts[THREADS];
	struct truth_count sum = {0};
	pthread_t threads[THREADS];

	for (int i = 0; i < THREADS; i++)
		if (pthread_create(&threads[i], NULL, thread, &counts[i]))
			return 3;
	thread(&sum);
	for (int i = 0; i < THREADS; i++) {
		pthread_join(threads[i], NULL);
		sum.allocations += counts[i].allocations;
		sum.allocated_bytes += counts[i].allocated_bytes;
	}
	truth_site("deep", &sum, NULL);
	truth_print();
	return 0;
}
