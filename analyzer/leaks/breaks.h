/* SPDX-License-Identifier: MIT */
/*
 * breaks.h - memory that the program took by brk or sbrk itself, beside its allocator.
 *
 * It is a part of the heap's mapping, but no allocator serves blocks from it: to a scan it
 * is a root. (What the allocator takes it does not take through the C library's functions,
 * and is not recorded.)
 * Threads: one at a time. Memory: proportional to the pieces; breaks_done.
 */
#ifndef BREAKS_H
#define BREAKS_H

#include <stddef.h>
#include <stdint.h>

struct pointers;

/* All zeros: none. */
struct breaks {
	struct breaks_piece {
		uint64_t start, end;
	} * pieces; /* in order of address */
	size_t count, room;
};

void breaks_done(struct breaks *breaks);

/* The program moved the break. Returns 0 or -ENOMEM. */
int breaks_move(struct breaks *breaks, uint64_t before, uint64_t after);

/* Adds the pieces to a scan's roots, of kind MAPPING. Returns 0 or -ENOMEM. */
int breaks_add_roots(const struct breaks *breaks, struct pointers *pointers);

#endif
