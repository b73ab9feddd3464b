/* SPDX-License-Identifier: MIT */
/*
 * Sixteen threads allocate, each from an arena of its own, hang what they have made into
 * one list across all arenas, lose some, and end.
 */
#include "leak_case.h"
#include "leak_thread.h"

enum {
	THREADS = 16,
	BLOCKS = 200
};

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static void *volatile kept;

static LEAK_SITE void *body(void *unused)
{
	(void)unused;
	for (size_t i = 0; i < BLOCKS; i++) {
		void *node;

		pthread_mutex_lock(&mutex);
		node = leak_block(64 + i, LEAK_REACHABLE);
		leak_put(node, 2, kept);
		kept = node;
		leak_put(leak_block(32, LEAK_DEFINITE), 1, leak_block(i, LEAK_INDIRECT));
		pthread_mutex_unlock(&mutex);
	}
	leak_scrub();
	return NULL;
}

static LEAK_SITE void build(void)
{
	pthread_t threads[THREADS];

	for (size_t i = 0; i < THREADS; i++)
		if (pthread_create(&threads[i], NULL, body, NULL))
			abort();
	for (size_t i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
}

int main(void)
{
	return leak_case(build);
}
