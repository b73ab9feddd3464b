/* SPDX-License-Identifier: MIT */
/*
 * pair.c - what one malloc and its free cost at the end of a stack of known depth.
 *
 * pair DEPTH VARYING PAIRS: DEPTH frames from main to the caller of malloc (the C library's
 * start adds its own). VARYING of them, the innermost ones, are other functions at each
 * call: the outermost of these takes turns, so that no two calls in a row share it, the
 * others are random. Prints operations=PAIRS and the time of the loop alone.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "stopwatch.h"

#define BLOCK_BYTES 48
#define DEPTH_MAX 100
#define VARYING_MAX 8

/* Keeps a call a call: what follows depends on it, so no frame is dropped. */
#define KEEP_FRAME() __asm__ volatile("" ::: "memory")

struct work {
	unsigned varying;
	uint64_t pairs;
	struct stopwatch watch;
};

/* Inlined: the function that calls malloc is the one that varies. */
static inline __attribute__((always_inline)) void pair(void)
{
	void *block = malloc(BLOCK_BYTES);

	__asm__ volatile("" : : "r"(block) : "memory");
	free(block);
}

static void vary(unsigned left, uint32_t path);

/* Four functions at each level, of different frame sizes, two path bits to choose. */
#define WAY(name, bytes)                                                                   \
	static __attribute__((noinline)) void name(unsigned left, uint32_t path)           \
	{                                                                                  \
		char room[bytes];                                                          \
                                                                                           \
		__asm__ volatile("" : : "r"(room) : "memory");                             \
		if (left == 1)                                                             \
			pair();                                                            \
		else                                                                       \
			vary(left - 1, path >> 2);                                         \
		__asm__ volatile("" : : "r"(room) : "memory");                             \
	}

WAY(way_north, 16)
WAY(way_east, 40)
WAY(way_south, 72)
WAY(way_west, 120)

/* Inlined into each way, so that a level is one frame. */
static inline __attribute__((always_inline)) void vary(unsigned left, uint32_t path)
{
	switch (path & 3) {
	case 0:
		way_north(left, path);
		break;
	case 1:
		way_east(left, path);
		break;
	case 2:
		way_south(left, path);
		break;
	default:
		way_west(left, path);
	}
	KEEP_FRAME();
}

static __attribute__((noinline)) void loop(struct work *work)
{
	uint32_t random = 2463534242u;

	stopwatch_start(&work->watch);
	if (work->varying == 0) {
		for (uint64_t i = 0; i < work->pairs; i++)
			pair();
	} else {
		for (uint64_t i = 0; i < work->pairs; i++) {
			/* Marsaglia, "Xorshift RNGs", 2003. */
			random ^= random << 13;
			random ^= random >> 17;
			random ^= random << 5;
			vary(work->varying, (random & ~3u) | (uint32_t)(i & 3));
		}
	}
	stopwatch_stop(&work->watch);
}

static __attribute__((noinline)) void descend(unsigned frames, struct work *work)
{
	if (frames == 0)
		loop(work);
	else
		descend(frames - 1, work);
	KEEP_FRAME();
}

int main(int argc, char **argv)
{
	unsigned depth = argc == 4 ? (unsigned)atoi(argv[1]) : 0;
	struct work work = {0};

	if (argc == 4) {
		work.varying = (unsigned)atoi(argv[2]);
		work.pairs = strtoull(argv[3], NULL, 10);
	}
	/* main, loop and one descend are always there. */
	if (depth > DEPTH_MAX || work.varying > VARYING_MAX || depth < work.varying + 3 ||
	    work.pairs == 0) {
		fprintf(stderr, "usage: pair DEPTH VARYING PAIRS\n");
		return 2;
	}
	descend(depth - work.varying - 3, &work);
	stopwatch_print(&work.watch, work.pairs);
	return 0;
}
