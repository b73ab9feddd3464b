/* SPDX-License-Identifier: MIT */
/*
 * frag_arenas kept|emptied|alive [trim|slowly]: a burst of allocations in several threads
 * at once, each with an arena of its own, of which little or nothing stays. kept     every
 * 400th block stays; the threads end emptied  nothing stays; the threads end, and the
 * arenas are as large as before, because the C library does not merge freed blocks of this
 * size alive    as kept, and the threads wait for the end of the process slowly: the burst
 * takes more than half a second, in steps. Without "trim" it tells, of each arena, where it
 * is, page by page, and what is resident of the stacks of threads that wait; with it, it
 * calls malloc_trim(0) and measures how far RSS drops.
 */
#include <malloc.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "frag_pages.h"
#include "frag_rss.h"
#include "truth.h"

#define THREADS 5
#define BLOCKS 60000
#define KEPT_OF 400
#define STEP_BLOCKS 2000
#define STEP_NS 20000000

static const char *mode;
static int slowly;
static struct burst {
	void *blocks[BLOCKS];
	void *first; /* where it was */
	void *stack; /* an address on it, until the thread ends */
	struct truth_count counts[2];
} bursts[THREADS];

/* All have an arena before anyone is done; the burst is over; the end is near. */
static pthread_barrier_t begun, over;

static TRUTH_SITE void *burst_kept(size_t size)
{
	return malloc(size);
}

static TRUTH_SITE void *burst_freed(size_t size)
{
	return malloc(size);
}

static size_t size_of(size_t index)
{
	/* 24 to 120 bytes: freed, they go to the fast bins. */
	return 24 + index % 13 * 8;
}

static void *run_burst(void *argument)
{
	struct burst *burst = argument;
	int keeps = strcmp(mode, "emptied") != 0;

	burst->stack = &burst;
	burst->first = burst->blocks[0] = burst_freed(size_of(0));
	truth_allocated(&burst->counts[1], size_of(0));
	pthread_barrier_wait(&begun);
	for (size_t i = 1; i < BLOCKS; i++) {
		int kept = keeps && i % KEPT_OF == 0;

		burst->blocks[i] = kept ? burst_kept(size_of(i)) : burst_freed(size_of(i));
		memset(burst->blocks[i], 'x', size_of(i));
		truth_allocated(&burst->counts[!kept], size_of(i));
		if (slowly && i % STEP_BLOCKS == 0)
			nanosleep(&(struct timespec){0, STEP_NS}, NULL);
	}
	for (size_t i = 0; i < BLOCKS; i++) {
		if (keeps && i && i % KEPT_OF == 0)
			continue;
		free(burst->blocks[i]);
		burst->blocks[i] = NULL;
		truth_freed(&burst->counts[1], size_of(i));
	}
	pthread_barrier_wait(&over);
	if (!strcmp(mode, "alive"))
		pthread_barrier_wait(&over); /* main never comes */
	return NULL;
}

static int add_blocks(struct frag_pages *ret_pages)
{
	for (int t = 0; t < THREADS; t++)
		for (size_t i = 0; i < BLOCKS; i++)
			if (bursts[t].blocks[i])
				frag_pages_add(bursts[t].blocks[i], size_of(i), 0);
	return frag_pages_measure(ret_pages);
}

static int tell_stacks(void)
{
	static struct frag_map map;
	long long bytes = 0;
	int err = 0;

	for (int t = 0; !err && t < THREADS; t++) {
		err = frag_pages_map(bursts[t].stack, &map);
		bytes += (long long)map.resident_bytes;
	}
	truth_number("thread_stack_bytes", bytes);
	return err;
}

static int tell_arenas(void)
{
	static const char *const names[] = {"burst_kept", "burst_freed"};
	static struct truth_count counts[2];
	static struct frag_pages pages;
	static struct frag_map map;
	static char text[THREADS * sizeof(map.classes)];
	size_t length = 0;
	int err = add_blocks(&pages);

	for (int t = 0; !err && t < THREADS; t++) {
		err = frag_pages_map(bursts[t].first, &map);
		length += (size_t)snprintf(
			text + length, sizeof(text) - length,
			"%s{\"start\": \"0x%lx\", \"resident_bytes\": %llu, "
			"\"pages\": \"%s\"}",
			t ? ", " : "[", (unsigned long)map.start,
			(unsigned long long)map.resident_bytes, map.classes);
		for (int i = 0; i < 2; i++) {
			const struct truth_count *count = &bursts[t].counts[i];

			counts[i].allocations += count->allocations;
			counts[i].allocated_bytes += count->allocated_bytes;
			counts[i].live_blocks += count->live_blocks;
			counts[i].live_bytes += count->live_bytes;
		}
	}
	if (err || length + 2 > sizeof(text))
		return err ? err : -1;
	strcat(text, "]");
	truth_json("arenas", text);
	frag_pages_print(&pages, names, counts, 2);
	return 0;
}

int main(int argc, char **argv)
{
	pthread_t threads[THREADS];
	int trims;

	if (argc < 2)
		return 2;
	mode = argv[1];
	slowly = argc > 2 && !strcmp(argv[2], "slowly");
	trims = argc > 2 && !strcmp(argv[2], "trim");
	if (pthread_barrier_init(&begun, NULL, THREADS) ||
	    pthread_barrier_init(&over, NULL, THREADS + 1))
		return 3;
	for (int t = 0; t < THREADS; t++)
		if (pthread_create(&threads[t], NULL, run_burst, &bursts[t]))
			return 3;
	pthread_barrier_wait(&over);
	for (int t = 0; strcmp(mode, "alive") && t < THREADS; t++)
		pthread_join(threads[t], NULL);
	(void)frag_rss_bytes(); /* its memory is there from now on */
	if (!trims && tell_arenas())
		return 3;
	if (!trims && !strcmp(mode, "alive") && tell_stacks())
		return 3;
	if (trims) {
		long long before = frag_rss_bytes();
		long long anonymous = frag_rss_anonymous_bytes();

		malloc_trim(0);
		truth_number("returned_bytes", before - frag_rss_bytes());
		truth_number("returned_anonymous_bytes",
			     anonymous - frag_rss_anonymous_bytes());
	}
	truth_number("rss_bytes", frag_rss_bytes());
	truth_print();
	return 0;
}
