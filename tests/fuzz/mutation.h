/* SPDX-License-Identifier: MIT */
/*
 * mutation.h - random changes of a dump that know how a dump is made.
 *
 * Bits, bytes and ranges anywhere; numbers of the header, of chunks' headers, of records
 * (mutation_records.h) and of a ring's state (mutation_ring.h) set to what such numbers
 * fail at; chunks exchanged, doubled and removed; ends cut off; parts of other dumps put in
 * or behind. The same seed makes the same change.
 * Threads: any. Memory: mutation_dump.bytes, the caller's (free).
 */
#ifndef MUTATION_H
#define MUTATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct mutation_dump {
	uint8_t *bytes;
	size_t count;
};

/* What the random numbers of one mutation begin with. */
uint64_t mutation_seed(unsigned long seed, unsigned long number);

/* The next random number, below bound, which is at least 1. */
uint64_t mutation_below(uint64_t *random, uint64_t bound);

/* A number that fields fail at: a bound, a power of two, all ones; or any. */
uint64_t mutation_number(uint64_t *random);

/* The sizes of header and chunks that a dump speaks of, or such as fit. */
void mutation_sizes(const struct mutation_dump *dump, size_t *ret_header,
		    size_t *ret_chunk);

/* Returns false where memory is short. */
bool mutation_copy(const struct mutation_dump *from, struct mutation_dump *ret_dump);

/* Changes one bit. Returns the offset of its byte. */
size_t mutation_flip(struct mutation_dump *dump, uint64_t *random);

/* Makes one to eight changes; then, mostly, sums of a ring's state that fit, and new
 * checksums where there were some. */
void mutation_make(struct mutation_dump *dump, const struct mutation_dump *others,
		   size_t others_count, uint64_t *random);

#endif
