/* SPDX-License-Identifier: MIT */
/*
 * freespace.h - the sizes of free runs, and of live blocks and their pages, by power of
 * two.
 *
 * Both listen to pages.h and write into a profile_depth.
 * Threads: one at a time. Memory: none.
 */
#ifndef FREESPACE_H
#define FREESPACE_H

#include <stddef.h>
#include <stdint.h>

struct pages_part;
struct profile_depth;
struct spans;

/* A pages_listener's free_run; context is the profile_depth. */
void freespace_run(void *context, uint64_t bytes);

/* What sizes_part counts into. */
struct sizes {
	const struct spans *spans;
	struct profile_depth *depth;
};

/* A pages_listener's part; context is a struct sizes. */
void sizes_part(void *context, const struct pages_part *part);

/* Counts all live blocks; pages come from sizes_part. */
void sizes_count(const struct sizes *sizes);

#endif
