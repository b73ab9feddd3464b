/* SPDX-License-Identifier: MIT */
/*
 * stringpool.h - one copy of every string; equal strings have equal addresses.
 *
 * Threads: none. Memory: the pool owns all strings until stringpool_free.
 */
#ifndef STRINGPOOL_H
#define STRINGPOOL_H

struct stringpool;

/* Returns NULL where memory is short. */
struct stringpool *stringpool_new(void);
void stringpool_free(struct stringpool *pool);

/* The pool's copy of text, or NULL where memory is short. */
const char *stringpool_add(struct stringpool *pool, const char *text);

#endif
