/* SPDX-License-Identifier: MIT */
/*
 * Reserves terabytes as runtimes and sanitizers do, readable and writable, touches a few
 * pages of them here and there, and allocates. Whoever looks at the process page by page
 * takes minutes.
 */
#include <stdlib.h>
#include <sys/mman.h>

#include "truth.h"

#define RESERVED_BYTES (UINT64_C(8) << 40)
#define STEP_BYTES (RESERVED_BYTES / 40)
#define BLOCKS 20000

static struct truth_count count;

static TRUTH_SITE void *beside_reserve(size_t size)
{
	return malloc(size);
}

int main(void)
{
	char *reserve = mmap(NULL, RESERVED_BYTES, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	long touched = 0;

	if (reserve == MAP_FAILED)
		return 2;
	for (uint64_t at = 0; at < RESERVED_BYTES; at += STEP_BYTES, touched++)
		reserve[at] = 1;
	for (size_t i = 1; i <= BLOCKS; i++) {
		size_t size = 1 + i % 300;
		void *block = beside_reserve(size);

		truth_allocated(&count, size);
		if (i % 20) {
			free(block);
			truth_freed(&count, size);
		}
	}
	truth_number("touched", touched);
	truth_number("reserve", (long long)(uintptr_t)reserve);
	truth_site("beside_reserve", &count, NULL);
	truth_print();
	return 0;
}
