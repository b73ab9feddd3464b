/* SPDX-License-Identifier: MIT */
/*
 * An allocator to be preloaded behind the recorder. It may be called anywhere, also in a
 * signal handler that interrupted it: it takes memory off one region by an atomic addition
 * and never gives any back.
 */
#include <errno.h>
#include <malloc.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define REGION_BYTES ((size_t)4 << 30)
#define HEADER_BYTES 16 /* in front of every block; holds its size */

static _Atomic(char *) region;
static _Atomic size_t used;

static char *region_start(void)
{
	char *start = atomic_load(&region), *nobody = NULL;
	void *map;

	if (start)
		return start;
	map = mmap(NULL, REGION_BYTES, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (map == MAP_FAILED)
		return NULL;
	if (!atomic_compare_exchange_strong(&region, &nobody, map)) {
		munmap(map, REGION_BYTES);
		return nobody;
	}
	return map;
}

static void *take(size_t alignment, size_t size)
{
	char *start = region_start();
	size_t place;
	char *block;

	if (!start || size > REGION_BYTES / 2 || alignment > 1 << 20) {
		errno = ENOMEM;
		return NULL;
	}
	place = atomic_fetch_add(&used, HEADER_BYTES + alignment + ((size + 15) & ~15ull));
	if (place + HEADER_BYTES + alignment + size > REGION_BYTES) {
		errno = ENOMEM;
		return NULL;
	}
	block = start + ((place + HEADER_BYTES + alignment - 1) & ~(alignment - 1));
	memcpy(block - sizeof(size), &size, sizeof(size));
	return block;
}

void *malloc(size_t size)
{
	return take(16, size);
}

void *calloc(size_t count, size_t size)
{
	if (size && count > SIZE_MAX / size) {
		errno = ENOMEM;
		return NULL;
	}
	return take(16, count * size); /* fresh from mmap: zero */
}

size_t malloc_usable_size(void *block)
{
	size_t size = 0;

	if (block)
		memcpy(&size, (char *)block - sizeof(size), sizeof(size));
	return size;
}

void *realloc(void *block, size_t size)
{
	size_t old = malloc_usable_size(block);
	void *moved = take(16, size);

	if (moved && old)
		memcpy(moved, block, old < size ? old : size);
	return moved;
}

void free(void *block)
{
	(void)block;
}

int posix_memalign(void **ret_block, size_t alignment, size_t size)
{
	void *block = take(alignment < 16 ? 16 : alignment, size);

	if (!block)
		return ENOMEM;
	*ret_block = block;
	return 0;
}

void *aligned_alloc(size_t alignment, size_t size)
{
	return take(alignment < 16 ? 16 : alignment, size);
}

void *memalign(size_t alignment, size_t size)
{
	return take(alignment < 16 ? 16 : alignment, size);
}
