/* SPDX-License-Identifier: MIT */
/*
 * gated PEAK_KIB LOST_BLOCKS TEMPORARIES [ANEW]: what a gate holds to budgets. Main holds
 * PEAK_KIB KiB at once and frees them, loses LOST_BLOCKS blocks of 32 bytes, and frees
 * TEMPORARIES blocks at once; four threads meanwhile keep the allocator busy, as it comes.
 * With ANEW, as many blocks of 32 bytes are lost elsewhere.
 */
#include <pthread.h>
#include <stdlib.h>

#include "truth.h"

#define THREADS 4
#define ROUNDS 2000
#define HELD 8
#define LOST_BYTES 32
#define KIB 1024

static TRUTH_SITE void *held_at_peak(size_t bytes)
{
	return malloc(bytes);
}

static TRUTH_SITE void *lost_always(void)
{
	return malloc(LOST_BYTES);
}

static TRUTH_SITE void *lost_anew(void)
{
	return malloc(LOST_BYTES);
}

static TRUTH_SITE void *freed_at_once(void)
{
	return malloc(48);
}

static TRUTH_SITE void *churned(size_t bytes)
{
	return malloc(bytes);
}

static void *churn(void *argument)
{
	unsigned seed = (unsigned)(size_t)argument;
	void *held[HELD] = {NULL};

	for (int i = 0; i < ROUNDS; i++) {
		size_t at = (size_t)rand_r(&seed) % HELD;

		free(held[at]);
		held[at] = churned(16 + (size_t)rand_r(&seed) % 256);
	}
	for (int i = 0; i < HELD; i++)
		free(held[i]);
	return NULL;
}

int main(int argc, char **argv)
{
	long kib = argc > 1 ? atol(argv[1]) : 0;
	long lost = argc > 2 ? atol(argv[2]) : 0;
	long temporaries = argc > 3 ? atol(argv[3]) : 0;
	long anew = argc > 4 ? atol(argv[4]) : 0;
	pthread_t threads[THREADS];
	void **held = calloc((size_t)kib + 1, sizeof(held[0]));

	if (!held || kib <= 0)
		return 2;
	for (size_t i = 0; i < THREADS; i++)
		if (pthread_create(&threads[i], NULL, churn, (void *)(i + 1)))
			return 3;
	for (long i = 0; i < kib; i++)
		held[i] = held_at_peak(KIB);
	for (long i = 0; i < kib; i++)
		free(held[i]);
	free(held);
	for (long i = 0; i < temporaries; i++)
		free(freed_at_once());
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	/* A volatile result is not kept anywhere else. */
	for (long i = 0; i < lost; i++) {
		void *volatile block = lost_always();

		block = NULL;
		(void)block;
	}
	for (long i = 0; i < anew; i++) {
		void *volatile block = lost_anew();

		block = NULL;
		(void)block;
	}
	/* No register keeps the last of them. */
	free(freed_at_once());
	return 0;
}
