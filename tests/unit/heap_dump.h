/* SPDX-License-Identifier: MIT */
/*
 * heap_dump.h - a dump of one thread with two call sites, for tests of heaps made by hand.
 *
 * Guarantees: the first error fails the test. Memory: heap_dump_end frees all but profiles.
 * Not here: the mappings of a snapshot (dump_writer.h).
 */
#ifndef HEAP_DUMP_H
#define HEAP_DUMP_H

#include <stdint.h>

#include "dump_writer.h"
#include "scratch.h"

#define HEAP_DUMP_THREAD 100

struct profile;
struct profile_moment;

struct heap_dump {
	struct scratch scratch;
	struct dump_writer writer;
	struct dump_stream *s;
	uint32_t a, b; /* stack nodes of one frame each */
};

/* Set-up and tear-down of a cmocka test; *state is the dump. Served by no allocator that is
 * known, or by glibc's. */
int heap_dump_begin(void **state);
int heap_dump_begin_glibc(void **state);
int heap_dump_end(void **state);

/* A block as glibc makes it: 8 bytes short of a chunk, of which the program asked for 10
 * less. */
void heap_dump_chunk(struct heap_dump *d, uint64_t address, uint64_t bytes, uint32_t node);

/* Begins a snapshot that says how much of RSS is files'. */
void heap_dump_snapshot(struct heap_dump *d, uint32_t reason, uint64_t rss_bytes,
			uint64_t file_bytes);

/* Ends the dump and replays it, with the snapshot of that moment in depth, NULL: the worst.
 * There must be no damage. The caller frees the profile. */
struct profile *heap_dump_replay(struct heap_dump *d, const struct profile_moment *moment);
/* The same; there must be some. */
struct profile *heap_dump_replay_damaged(struct heap_dump *d);

#endif
