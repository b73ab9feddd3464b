/* SPDX-License-Identifier: MIT */
/*
 * truth.h - what a test program knows about its own allocations, printed as one JSON
 * object.
 *
 * Guarantees: never allocates and never uses stdio's streams, so that printing the truth
 * does not change it; the object is written with write(), to the descriptor that the
 * variable TRUTH_FD names if it is open, otherwise to standard output.
 * Threads: one thread adds and prints. Memory: one static buffer; a truth that does not fit
 * ends the program with status 99, so that a test never sees half of one.
 * Not here: the counting itself, which every program does where it allocates.
 *
 * The object: {"NAME": number or string, ..., "sites": {"FUNCTION": {counts}, ...}}.
 * FUNCTION is the name of a function that appears in the call stack of the allocations.
 */
#ifndef TRUTH_H
#define TRUTH_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A function whose name is looked for in call stacks: it must have a frame of its own. */
#define TRUTH_SITE __attribute__((noinline))

/* What one call site did; every member is exact. */
struct truth_count {
	uint64_t allocations; /* that returned memory */
	uint64_t allocated_bytes;
	uint64_t live_blocks; /* at the end of the program */
	uint64_t live_bytes;
};

/* Counts an allocation of `bytes` that is live now. */
static inline void truth_allocated(struct truth_count *count, size_t bytes)
{
	count->allocations++;
	count->allocated_bytes += bytes;
	count->live_blocks++;
	count->live_bytes += bytes;
}

/* Counts the release of a block of `bytes` that came from this site. */
static inline void truth_freed(struct truth_count *count, size_t bytes)
{
	count->live_blocks--;
	count->live_bytes -= bytes;
}

/* Adds a member to the object. */
void truth_number(const char *name, long long value);
void truth_real(const char *name, double value);
void truth_string(const char *name, const char *value);

/* Adds a member whose value is already JSON. */
void truth_json(const char *name, const char *json);

/* Adds the counts of a site. extra: NULL or further members (`"peak_bytes": 5`). */
void truth_site(const char *function, const struct truth_count *count, const char *extra);

/* Writes the object and a newline, all of it, and forgets it: to `fd`, or to where the
 * beginning of this page says. */
void truth_print_to(int fd);
void truth_print(void);

#ifdef __cplusplus
}
#endif
#endif
