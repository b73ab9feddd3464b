/* SPDX-License-Identifier: MIT */
/*
 * The C library keeps the stacks of threads that have ended. What they were full of does
 * not hold a block.
 */
#include "leak_case.h"
#include "leak_thread.h"

enum {
	SLOTS = 200
};

static LEAK_SITE void deeper(int depth)
{
	void *volatile slots[SLOTS];

	for (size_t i = 0; i < SLOTS; i++)
		slots[i] = leak_block(67, LEAK_DEFINITE);
	if (depth)
		deeper(depth - 1);
	leak_escape(slots);
}

static void *body(void *unused)
{
	deeper(10);
	return unused;
}

static LEAK_SITE void build(void)
{
	pthread_t threads[2];

	for (size_t i = 0; i < 2; i++)
		if (pthread_create(&threads[i], NULL, body, NULL))
			abort();
	for (size_t i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
}

int main(void)
{
	return leak_case(build);
}
