/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "heap_pages.h"

#define PAGE ((size_t)4096)
/* Blocks begin at multiples of 16 and usable sizes are multiples of 8. */
#define GRAIN 8
#define GRAINS_A_PAGE (PAGE / GRAIN)
#define PAGEMAP_PRESENT (1ull << 63)
#define BLOCKS_MAX 400000

struct block {
	uintptr_t address;
	size_t usable;
	int site;
};

static struct block blocks[BLOCKS_MAX];
static size_t blocks_count;
static uint64_t requested, usable;
static unsigned char owner[HEAP_PAGES_BYTES_MAX / GRAIN]; /* site + 1, or 0: free */
static uint64_t pagemap[HEAP_PAGES_BYTES_MAX / PAGE];

void heap_pages_add(const void *block, size_t requested_bytes, int site)
{
	struct block *b = &blocks[blocks_count++];

	if (blocks_count > BLOCKS_MAX)
		abort();
	b->address = (uintptr_t)block;
	b->usable = malloc_usable_size((void *)(uintptr_t)block);
	b->site = site;
	requested += requested_bytes;
	usable += b->usable;
}

/* Finds the line of [heap] in /proc/self/maps without stdio, which would allocate. */
static int find_heap(uintptr_t *ret_start, uintptr_t *ret_end)
{
	static char maps[1 << 20];
	size_t length = 0;
	ssize_t bytes;
	char *name, *line;
	int fd = open("/proc/self/maps", O_RDONLY);

	if (fd < 0)
		return -errno;
	while ((bytes = read(fd, maps + length, sizeof(maps) - 1 - length)) > 0)
		length += (size_t)bytes;
	close(fd);
	maps[length] = '\0';
	name = strstr(maps, "[heap]");
	if (!name)
		return -ENOENT;
	for (line = name; line > maps && line[-1] != '\n'; line--)
		;
	*ret_start = strtoull(line, &line, 16);
	*ret_end = strtoull(line + 1, NULL, 16);
	return 0;
}

static int read_pagemap(uintptr_t start, size_t pages)
{
	size_t wanted = pages * sizeof(uint64_t), done = 0;
	off_t offset = (off_t)(start / PAGE * sizeof(uint64_t));
	int fd = open("/proc/self/pagemap", O_RDONLY);

	if (fd < 0)
		return -errno;
	while (done < wanted) {
		ssize_t bytes = pread(fd, (char *)pagemap + done, wanted - done,
				      offset + (off_t)done);

		if (bytes <= 0) {
			close(fd);
			return -EACCES;
		}
		done += (size_t)bytes;
	}
	close(fd);
	return 0;
}

static int mark_blocks(uintptr_t start, uintptr_t end)
{
	for (size_t i = 0; i < blocks_count; i++) {
		const struct block *b = &blocks[i];

		if (b->address < start || b->address + b->usable > end)
			return -ERANGE; /* not in this heap */
		memset(owner + (b->address - start) / GRAIN, b->site + 1,
		       b->usable / GRAIN);
	}
	return 0;
}

static void measure_page(const unsigned char *grains, struct heap_pages *pages)
{
	size_t covered = 0, free_bytes;
	unsigned sites = 0, count;

	for (size_t i = 0; i < GRAINS_A_PAGE; i++) {
		covered += grains[i] != 0;
		sites |= grains[i];
	}
	covered *= GRAIN;
	free_bytes = PAGE - covered;
	pages->resident_bytes += PAGE;
	pages->free_bytes += free_bytes;
	/* Classes 0, (0,10], (10,20] ... (90,100] percent. */
	pages->page_occupancy[(covered * 10 + PAGE - 1) / PAGE]++;
	if (!sites)
		return;
	pages->pinned_bytes += free_bytes;
	count = (unsigned)__builtin_popcount(sites);
	for (int site = 0; site < HEAP_PAGES_SITES; site++) {
		if (!(sites & (unsigned)(site + 1)))
			continue;
		if (count == 1)
			pages->exclusive_bytes[site] += free_bytes;
		else
			pages->shared_bytes[site] += (double)free_bytes / count;
	}
}

/* The longest run of free bytes that are resident throughout. */
static uint64_t largest_run(size_t pages)
{
	uint64_t run = 0, largest = 0;

	for (size_t page = 0; page < pages; page++) {
		if (!(pagemap[page] & PAGEMAP_PRESENT)) {
			run = 0;
			continue;
		}
		for (size_t i = 0; i < GRAINS_A_PAGE; i++) {
			run = owner[page * GRAINS_A_PAGE + i] ? 0 : run + GRAIN;
			if (run > largest)
				largest = run;
		}
	}
	return largest;
}

int heap_pages_measure(struct heap_pages *ret_pages)
{
	struct heap_pages pages;
	uintptr_t start = 0, end = 0;
	size_t count;
	int err;

	memset(&pages, 0, sizeof(pages));
	err = find_heap(&start, &end);
	if (err)
		return err;
	count = (end - start) / PAGE;
	if (end - start > HEAP_PAGES_BYTES_MAX)
		return -E2BIG;
	err = mark_blocks(start, end);
	if (!err)
		err = read_pagemap(start, count);
	if (err)
		return err;
	for (size_t page = 0; page < count; page++)
		if (pagemap[page] & PAGEMAP_PRESENT)
			measure_page(owner + page * GRAINS_A_PAGE, &pages);
	pages.largest_free_run_bytes = largest_run(count);
	pages.requested_bytes = requested;
	pages.usable_bytes = usable;
	*ret_pages = pages;
	return 0;
}
