/* SPDX-License-Identifier: MIT */
/*
 * Maps until the kernel gives no more (vm.max_map_count), and allocates on from memory
 * that the allocator already has; then lets go, and allocates with mappings again.
 */
#include <stdlib.h>
#include <sys/mman.h>

#include "truth.h"

#define MAPS_MOST 200000
#define PAGE 4096
#define BLOCKS 100000

static struct truth_count count;

static TRUTH_SITE void *between_maps(size_t size)
{
	return malloc(size);
}

static void allocate(size_t blocks)
{
	for (size_t i = 1; i <= blocks; i++) {
		free(between_maps(i % 300));
		truth_allocated(&count, i % 300);
		truth_freed(&count, i % 300);
	}
}

int main(void)
{
	static void *maps[MAPS_MOST];
	size_t mapped = 0;

	allocate(1000);
	/* Neighbours of different protection do not become one mapping. */
	while (mapped < MAPS_MOST) {
		void *map = mmap(NULL, PAGE, mapped % 2 ? PROT_READ : PROT_NONE,
				 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		if (map == MAP_FAILED)
			break;
		maps[mapped++] = map;
	}
	if (mapped == MAPS_MOST)
		return 3;
	allocate(BLOCKS);
	truth_number("mapping_calls", 2 * (long long)mapped);
	while (mapped)
		munmap(maps[--mapped], PAGE);
	allocate(BLOCKS);
	truth_site("between_maps", &count, NULL);
	truth_print();
	return 0;
}
