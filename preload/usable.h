/* SPDX-License-Identifier: MIT */
/*
 * usable.h - malloc_usable_size, without the call where that is safe.
 *
 * glibc keeps a chunk's size in front of the block (malloc.c, struct malloc_chunk: size
 * with three flag bits, of which the second says that the block was mapped on its own).
 * Where the allocator is glibc's, the first blocks of the program are used to see that this
 * holds; then it is read from there. Everywhere else the real function is asked. Threads:
 * any; the trial's counter may miss a step, which only makes it longer.
 */
#ifndef USABLE_H
#define USABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "real.h"

enum usable_way {
	USABLE_ASK = 0,	     /* the real function */
	USABLE_TRY = 1,	     /* both, and compare */
	USABLE_IN_FRONT = 2, /* the word in front of the block */
};
extern uint32_t usable_way __attribute__((visibility("hidden"))); /* atomic */

/* Begins the trial, if the allocator's library is glibc. Once, at start. */
void usable_begin(const char *allocator_path);

/* The slow half of usable_bytes; 0 where it is not safe to ask. */
size_t usable_ask(const void *p);
/* That of usable_bytes_released. */
size_t usable_ask_released(const void *p);

static inline size_t usable_in_front(const void *p)
{
	size_t word = ((const size_t *)p)[-1];

	/* One word of it is none of the block's, two of one that was mapped. */
	return (word & ~(size_t)7) - sizeof(size_t) - (word & 2) * (sizeof(size_t) / 2);
}

/* Bytes usable in block p, which the real allocator returned and nobody has freed; less
 * than were asked for: it is not known. */
static inline size_t usable_bytes(const void *p)
{
	if (__builtin_expect(
		    __atomic_load_n(&usable_way, __ATOMIC_RELAXED) == USABLE_IN_FRONT, 1))
		return usable_in_front(p);
	return usable_ask(p);
}

/* The same of what the program says is a block, before it is released. An allocator that is
 * asked for the size of something else may end the program, with other words than for its
 * release (tcmalloc): where nothing was ever allocated it is not asked, and this is 0. */
static inline size_t usable_bytes_released(const void *p)
{
	if (__builtin_expect(
		    __atomic_load_n(&usable_way, __ATOMIC_RELAXED) == USABLE_IN_FRONT, 1))
		return usable_in_front(p);
	return usable_ask_released(p);
}

#endif
