/* SPDX-License-Identifier: MIT */
/*
 * A million pseudo-random calls of the allocation functions, sizes from 0 to beyond what
 * can be had. Prints a digest of everything a caller can observe but addresses: what was
 * returned, errno, alignment, content kept by realloc, zeroes of calloc. A traced run must
 * print the same line.
 */
#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#include "truth.h"

#define ERRNO_BEFORE 4711
#define CALLS 1000000
#define SLOTS 2048

static struct slot {
	unsigned char *block;
	size_t size;
	unsigned char fill;
} slots[SLOTS];

static uint64_t random_state = 88172645463325252ull;
static uint64_t digest = 14695981039346656037ull;
static struct truth_count count;
static long long failed, frees;

static uint64_t random_number(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state;
}

static void observe(uint64_t value)
{
	digest = (digest ^ value) * 1099511628211ull;
}

/* Mostly small, some of pages, a few large, one in a thousand impossible. */
static size_t random_size(void)
{
	uint64_t r = random_number();

	switch (r % 1000) {
	case 0:
		return (size_t)1 << 62 | r;
	case 1:
	case 2:
		return (r >> 20) % (1 << 20);
	case 3:
		return 0;
	default:
		return r % 10 ? (r >> 20) % 600 : (r >> 20) % 9000;
	}
}

/* Large blocks are sampled: every byte of them would only measure memset. */
static size_t stride(size_t size)
{
	return size > 4096 ? 509 : 1;
}

static void check(const struct slot *slot, size_t size)
{
	for (size_t i = 0; i < size; i += stride(slot->size))
		if (slot->block[i] != slot->fill) {
			observe(0xbad);
			return;
		}
}

static void put(struct slot *slot, unsigned char *block, size_t size)
{
	slot->block = block;
	slot->size = size;
	slot->fill = (unsigned char)random_number();
	for (size_t i = 0; i < size; i += stride(size))
		block[i] = slot->fill;
	truth_allocated(&count, size);
}

static void release(struct slot *slot)
{
	check(slot, slot->size);
	free(slot->block);
	frees++;
	truth_freed(&count, slot->size);
	slot->block = NULL;
}

static TRUTH_SITE void *any_call(uint64_t kind, size_t size, size_t *ret_alignment)
{
	size_t alignment = (size_t)16 << kind / 16 % 8;
	void *block = NULL;
	int status;

	*ret_alignment = alignment;
	switch (kind % 16) {
	case 0:
		return aligned_alloc(alignment, size);
	case 1:
		return memalign(alignment, size);
	case 2:
		status = posix_memalign(&block, alignment, size);
		observe((uint64_t)status);
		return block;
	case 3:
		*ret_alignment = 4096;
		return valloc(size);
	case 4:
		*ret_alignment = 16;
		return realloc(NULL, size);
	case 5:
	case 6:
		*ret_alignment = 1;
		block = calloc(size, 1);
		for (size_t i = 0; block && i < size; i += stride(size))
			observe(((unsigned char *)block)[i]);
		return block;
	default:
		*ret_alignment = 16;
		return malloc(size);
	}
}

static TRUTH_SITE void resize(struct slot *slot, size_t size)
{
	unsigned char *moved = realloc(slot->block, size);

	observe(!!moved);
	observe((uint64_t)errno);
	if (moved) {
		size_t old = slot->size;

		slot->block = moved;
		check(slot, old < size ? old : size);
		truth_freed(&count, old);
		put(slot, moved, size);
	} else if (size == 0) {
		truth_freed(&count, slot->size);
		slot->block = NULL;
	} else {
		failed++;
		check(slot, slot->size);
	}
}

static void allocate(struct slot *slot, size_t size)
{
	size_t alignment;
	void *block = any_call(random_number(), size, &alignment);

	observe(!!block);
	observe((uint64_t)errno);
	if (!block) {
		failed++;
		return;
	}
	observe((uintptr_t)block % alignment);
	observe(malloc_usable_size(block) >= size);
	put(slot, block, size);
}

int main(void)
{
	for (long i = 0; i < CALLS; i++) {
		struct slot *slot = &slots[random_number() % SLOTS];

		/* Not 0: a call that clears it would go unseen. */
		errno = ERRNO_BEFORE;
		if (!slot->block)
			allocate(slot, random_size());
		else if (random_number() % 4 == 0)
			resize(slot, random_size());
		else
			release(slot);
		observe((uint64_t)errno);
	}
	truth_number("digest", (long long)(digest >> 1));
	truth_number("failed", failed);
	truth_number("frees by free", frees);
	truth_number("allocations", (long long)count.allocations);
	truth_number("allocated_bytes", (long long)count.allocated_bytes);
	truth_number("live_blocks", (long long)count.live_blocks);
	truth_number("live_bytes", (long long)count.live_bytes);
	truth_print();
	return 0;
}
