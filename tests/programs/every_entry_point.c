/* SPDX-License-Identifier: MIT */
/*
 * Calls every allocation function of C a known number of times, each from a function of its
 * own, and releases all but the last block of each.
 */
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#include "truth.h"

/* C23, newer than the C library: there when the recorder brings them. */
extern void free_sized(void *block, size_t size) __attribute__((weak));
extern void free_aligned_sized(void *block, size_t alignment, size_t size)
	__attribute__((weak));

#define REPEAT 9
#define GROW_STEPS 12
#define ALIGNMENT 256

static unsigned long long frees, free_sized_calls, free_aligned_sized_calls;
static unsigned long long wrong;

#define ENTRY(name, call)                                                                  \
	static TRUTH_SITE void *by_##name(size_t size)                                     \
	{                                                                                  \
		void *block = call;                                                        \
                                                                                           \
		wrong += !block || malloc_usable_size(block) < size;                       \
		return block;                                                              \
	}

ENTRY(malloc, malloc(size))
ENTRY(calloc, calloc(size / 8, 8))
ENTRY(realloc_null, realloc(NULL, size))
ENTRY(reallocarray_null, reallocarray(NULL, size / 8, 8))
ENTRY(aligned_alloc, aligned_alloc(ALIGNMENT, size))
ENTRY(memalign, memalign(ALIGNMENT, size))
ENTRY(valloc, valloc(size))
ENTRY(pvalloc, pvalloc(size))

static TRUTH_SITE void *by_posix_memalign(size_t size)
{
	void *block = NULL;

	wrong += posix_memalign(&block, ALIGNMENT, size) != 0;
	wrong += (uintptr_t)block % ALIGNMENT != 0;
	return block;
}

enum release {
	RELEASE_FREE,
	RELEASE_SIZED,
	RELEASE_ALIGNED_SIZED
};

static const struct entry {
	const char *function;
	void *(*allocate)(size_t size);
	enum release release;
} entries[] = {
	{"by_malloc", by_malloc, RELEASE_SIZED},
	{"by_calloc", by_calloc, RELEASE_FREE},
	{"by_realloc_null", by_realloc_null, RELEASE_FREE},
	{"by_reallocarray_null", by_reallocarray_null, RELEASE_FREE},
	{"by_posix_memalign", by_posix_memalign, RELEASE_FREE},
	{"by_aligned_alloc", by_aligned_alloc, RELEASE_ALIGNED_SIZED},
	{"by_memalign", by_memalign, RELEASE_FREE},
	{"by_valloc", by_valloc, RELEASE_FREE},
	{"by_pvalloc", by_pvalloc, RELEASE_FREE},
};

static void release(void *block, size_t size, enum release how)
{
	if (how == RELEASE_SIZED && free_sized) {
		free_sized(block, size);
		free_sized_calls++;
	} else if (how == RELEASE_ALIGNED_SIZED && free_aligned_sized) {
		free_aligned_sized(block, ALIGNMENT, size);
		free_aligned_sized_calls++;
	} else {
		free(block);
		frees++;
	}
}

static TRUTH_SITE void *grow_realloc(void *block, size_t size)
{
	void *moved = realloc(block, size);

	wrong += !moved;
	return moved;
}

static TRUTH_SITE void *grow_reallocarray(void *block, size_t size)
{
	void *moved = reallocarray(block, size / 8, 8);

	wrong += !moved;
	return moved;
}

/* Grows a block step by step, checking that its beginning moves with it. */
static void grow(const char *function, void *(*step)(void *block, size_t size))
{
	struct truth_count count = {0};
	size_t size = 64;
	char *block = by_malloc(size);

	memset(block, 'g', size);
	for (int i = 0; i < GROW_STEPS; i++) {
		size_t old = size;

		size *= 2;
		block = step(block, size);
		wrong += block[0] != 'g' || block[old - 1] != 'g';
		memset(block, 'g', size);
		if (count.allocations)
			truth_freed(&count, old);
		truth_allocated(&count, size);
	}
	truth_freed(&count, size);
	free(block);
	frees++;
	truth_site(function, &count, NULL);
}

int main(void)
{
	static void *volatile kept[sizeof(entries) / sizeof(entries[0])];
	struct truth_count first_of_growing = {2, 128, 0, 0};

	for (size_t e = 0; e < sizeof(entries) / sizeof(entries[0]); e++) {
		struct truth_count count = {0};

		for (int i = 0; i < REPEAT; i++) {
			size_t size = 256 * (size_t)(i + 1);
			void *block = entries[e].allocate(size);

			memset(block, 'x', size);
			truth_allocated(&count, size);
			kept[e] = block;
			if (i == REPEAT - 1)
				break;
			release(block, size, entries[e].release);
			truth_freed(&count, size);
		}
		/* by_malloc also makes the two blocks that grow. */
		if (e == 0) {
			count.allocations += first_of_growing.allocations;
			count.allocated_bytes += first_of_growing.allocated_bytes;
		}
		wrong += !kept[e];
		truth_site(entries[e].function, &count, NULL);
	}
	grow("grow_realloc", grow_realloc);
	grow("grow_reallocarray", grow_reallocarray);
	free(NULL); /* no event */
	truth_number("repeat", REPEAT);
	truth_number("grow_steps", GROW_STEPS);
	truth_number("free", (long long)frees);
	truth_number("free_sized", (long long)free_sized_calls);
	truth_number("free_aligned_sized", (long long)free_aligned_sized_calls);
	truth_number("wrong", (long long)wrong);
	truth_print();
	return wrong != 0;
}
