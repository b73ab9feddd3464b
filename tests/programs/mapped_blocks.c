/* SPDX-License-Identifier: MIT */
/*
 * Blocks so large that malloc maps each by itself, touched in part; and as many that are
 * freed. The resident bytes of those that stay are counted page by page with mincore.
 */
#include <malloc.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "truth.h"

#define BLOCKS 24
#define SIZE (1 << 20)
#define PAGE 4096

static TRUTH_SITE char *mapped(void)
{
	return malloc(SIZE);
}

/* A mapped block's mapping begins one page before its first multiple of a page. */
static uint64_t resident_bytes(const char *block)
{
	static unsigned char present[SIZE / PAGE + 2];
	uintptr_t start = (uintptr_t)block & ~(uintptr_t)(PAGE - 1);
	size_t length = ((uintptr_t)block + malloc_usable_size((char *)(uintptr_t)block) -
			 start + PAGE - 1) /
			PAGE * PAGE;
	uint64_t pages = 0;

	if (mincore((void *)start, length, present))
		return 0;
	for (size_t i = 0; i < length / PAGE; i++)
		pages += present[i] & 1;
	return pages * PAGE;
}

int main(void)
{
	struct truth_count count = {0};
	char *blocks[BLOCKS];
	uint64_t resident = 0, usable = 0;

	mallopt(M_MMAP_THRESHOLD, SIZE / 2); /* and keeps it where it is */
	for (int i = 0; i < BLOCKS; i++) {
		blocks[i] = mapped();
		truth_allocated(&count, SIZE);
		for (int page = 0; page < 10 * (i + 1); page++)
			blocks[i][page * PAGE] = 'x';
	}
	for (int i = 0; i < BLOCKS; i += 2) {
		free(blocks[i]);
		truth_freed(&count, SIZE);
	}
	for (int i = 1; i < BLOCKS; i += 2) {
		resident += resident_bytes(blocks[i]);
		usable += malloc_usable_size(blocks[i]);
	}
	truth_site("mapped", &count, NULL);
	truth_number("requested_bytes", (long long)count.live_bytes);
	truth_number("usable_bytes", (long long)usable);
	truth_number("resident_bytes", (long long)resident);
	truth_print();
	return 0;
}
