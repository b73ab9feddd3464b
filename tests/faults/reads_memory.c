/* SPDX-License-Identifier: MIT */
/*
 * Reads all of its memory that it may read, as garbage collectors and checkpointers do that
 * go through /proc/self/maps, between allocations, and again when it has allocated much.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "truth.h"

#define ROUNDS 4
#define BLOCKS 60000

static struct truth_count count;
static char maps[4 << 20];
static volatile uint64_t sum;

static TRUTH_SITE void *between_readings(size_t size)
{
	return malloc(size);
}

static void allocate(void)
{
	for (size_t i = 1; i <= BLOCKS; i++) {
		size_t size = 1 + i % 700;
		void *block = between_readings(size);

		truth_allocated(&count, size);
		if (i % 40) {
			free(block);
			truth_freed(&count, size);
		}
	}
}

static size_t read_maps(void)
{
	size_t length = 0;
	ssize_t got;
	int fd = open("/proc/self/maps", O_RDONLY);

	while ((got = read(fd, maps + length, sizeof(maps) - 1 - length)) > 0)
		length += (size_t)got;
	close(fd);
	maps[length] = '\0';
	return length;
}

/* Returns how many mappings it read. */
static int read_memory(void)
{
	int mappings = 0;
	char *line = maps;

	if (!read_maps())
		return -1;
	for (char *end; (end = strchr(line, '\n')); line = end + 1) {
		unsigned long start, stop;
		char how[5];

		*end = '\0';
		if (sscanf(line, "%lx-%lx %4s", &start, &stop, how) != 3)
			return -1;
		/* [vvar] can be read in parts only, natively. */
		if (how[0] != 'r' || strstr(line, "[v"))
			continue;
		for (; start < stop; start += 512)
			sum += *(const uint64_t *)start;
		mappings++;
	}
	return mappings;
}

int main(void)
{
	for (int i = 0; i < ROUNDS; i++) {
		allocate();
		if (read_memory() < 10)
			return 2;
	}
	truth_site("between_readings", &count, NULL);
	truth_print();
	return 0;
}
