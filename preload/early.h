/* SPDX-License-Identifier: MIT */
/*
 * early.h - memory for allocations made while the real allocator is being looked up.
 *
 * dlsym allocates when it fails, and libraries preloaded beside us may allocate when they
 * are asked for their malloc. Those blocks come from here, a small arena that only grows;
 * the interposed free and realloc recognise them for the rest of the process's life.
 * Guarantees: lock-free, no system call. Blocks are zero-filled.
 */
#ifndef EARLY_H
#define EARLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define EARLY_BYTES (1024u * 1024)
extern unsigned char early_arena[EARLY_BYTES];

/* alignment: a power of two. Returns NULL when the arena is used up. */
void *early_alloc(size_t size, size_t alignment);

/* The size that block p of early_alloc was asked for. */
size_t early_size(const void *p);

static inline bool early_owns(const void *p)
{
	return (uintptr_t)p - (uintptr_t)early_arena < EARLY_BYTES;
}

#endif
