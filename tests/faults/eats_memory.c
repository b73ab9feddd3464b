/* SPDX-License-Identifier: MIT */
/*
 * eats_memory FILE: allocates and touches memory until it is killed for that, and counts
 * its completed calls in FILE, two words of 64 bits: allocations and releases.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "truth.h"

#define BLOCK 5000
#define MOST (1u << 18) /* a gigabyte and more: somebody forgot the limit */

static TRUTH_SITE void *until_killed(size_t size)
{
	return malloc(size);
}

int main(int argc, char **argv)
{
	volatile uint64_t *completed;
	int fd;

	if (argc != 2)
		return 2;
	fd = open(argv[1], O_RDWR | O_CREAT | O_TRUNC, 0600);
	if (fd < 0 || ftruncate(fd, 4096) < 0)
		return 3;
	completed = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (completed == MAP_FAILED)
		return 3;
	for (unsigned i = 0; i < MOST; i++) {
		char *block = until_killed(BLOCK);

		completed[0]++;
		if (!block)
			return 4;
		memset(block, 1, BLOCK);
		if (i % 4 == 0) {
			free(block);
			completed[1]++;
		}
	}
	return 5;
}
