/* SPDX-License-Identifier: MIT */
/*
 * seed_ring.h - a small ring dump whose state has every part, for fuzzers to begin from.
 *
 * Two streams of which a half is folded: one goes on between the halves of a realloc.
 */
#ifndef SEED_RING_H
#define SEED_RING_H

#include <stdbool.h>

/* The least that the root fits in, rounded up. */
#define SEED_RING_CHUNK_BYTES 2560u

/* Writes it to a file. within_step: as a process leaves it that is killed while it folds;
 * what the journal leads back to is the state that else is written. Returns 0 or a negative
 * errno. */
int seed_ring_write(const char *path, bool within_step);

#endif
