/* SPDX-License-Identifier: MIT */
#include "early.h"

/* In front of every block. */
struct early_block {
	size_t size;
	size_t unused;
};

__attribute__((aligned(4096))) unsigned char early_arena[EARLY_BYTES];
static size_t early_used; /* bytes; atomic, no partner: blocks are not published */

void *early_alloc(size_t size, size_t alignment)
{
	size_t used = __atomic_load_n(&early_used, __ATOMIC_RELAXED);
	size_t start;

	if (alignment < 16)
		alignment = 16;
	if (size > EARLY_BYTES || alignment > EARLY_BYTES / 4)
		return NULL;
	do {
		start = (used + sizeof(struct early_block) + alignment - 1) &
			~(alignment - 1);
		if (start >= EARLY_BYTES || size > EARLY_BYTES - start)
			return NULL;
	} while (!__atomic_compare_exchange_n(&early_used, &used, start + size, true,
					      __ATOMIC_RELAXED, __ATOMIC_RELAXED));
	((struct early_block *)(early_arena + start))[-1].size = size;
	return early_arena + start;
}

size_t early_size(const void *p)
{
	return ((const struct early_block *)p)[-1].size;
}
