/* SPDX-License-Identifier: MIT */
#include "frag_pages.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BLOCKS_MAX 400000
#define ENTRIES 512 /* of pagemap, read at once */
#define PAGEMAP_PRESENT (1ull << 63)

struct block {
	uintptr_t start, end;
	int site;
};

static struct block blocks[BLOCKS_MAX];
static size_t blocks_count;
static uint64_t requested_bytes;
static bool sorted;

/* A part of pagemap, kept while pages are looked at in order. */
static struct {
	int fd;
	size_t first, count; /* page numbers */
	uint64_t entries[ENTRIES];
} pagemap = {.fd = -1};

void frag_pages_add(const void *memory, size_t requested, int site)
{
	struct block *block = &blocks[blocks_count++];

	if (blocks_count > BLOCKS_MAX || site >= FRAG_SITES)
		abort();
	block->start = (uintptr_t)memory;
	block->end = block->start + malloc_usable_size((void *)(uintptr_t)memory);
	block->site = site;
	requested_bytes += requested;
	sorted = false;
}

/* ---- Blocks by address -------------------------------------------------------------- */

static void sift_down(size_t root, size_t count)
{
	struct block moved = blocks[root];
	size_t child;

	while ((child = 2 * root + 1) < count) {
		if (child + 1 < count && blocks[child + 1].start > blocks[child].start)
			child++;
		if (blocks[child].start <= moved.start)
			break;
		blocks[root] = blocks[child];
		root = child;
	}
	blocks[root] = moved;
}

/* Heapsort: qsort allocates. */
static void sort_blocks(void)
{
	if (sorted)
		return;
	for (size_t i = blocks_count / 2; i-- > 0;)
		sift_down(i, blocks_count);
	for (size_t i = blocks_count; i-- > 1;) {
		struct block last = blocks[i];

		blocks[i] = blocks[0];
		blocks[0] = last;
		sift_down(0, i);
	}
	sorted = true;
}

/* The first block that ends behind the address. */
static size_t find_block(uintptr_t address)
{
	size_t low = 0, high = blocks_count;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (blocks[middle].end <= address)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* ---- Pages -------------------------------------------------------------------------- */

static int open_pagemap(void)
{
	pagemap.fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	pagemap.count = 0;
	return pagemap.fd < 0 ? -errno : 0;
}

static int is_resident(uintptr_t page, bool *ret_resident)
{
	size_t number = page / FRAG_PAGE_BYTES;

	if (number < pagemap.first || number >= pagemap.first + pagemap.count) {
		ssize_t bytes = pread(pagemap.fd, pagemap.entries, sizeof(pagemap.entries),
				      (off_t)(number * sizeof(pagemap.entries[0])));

		if (bytes < (ssize_t)sizeof(pagemap.entries[0]))
			return bytes < 0 ? -errno : -ENODATA;
		pagemap.first = number;
		pagemap.count = (size_t)bytes / sizeof(pagemap.entries[0]);
	}
	*ret_resident = pagemap.entries[number - pagemap.first] & PAGEMAP_PRESENT;
	return 0;
}

/* What blocks, from one on, cover of a page. */
struct cover {
	uint64_t bytes;
	unsigned sites; /* a bit each */
};

static struct cover cover_of(uintptr_t page, size_t first)
{
	struct cover cover = {0, 0};
	uintptr_t page_end = page + FRAG_PAGE_BYTES;

	for (size_t i = first; i < blocks_count && blocks[i].start < page_end; i++) {
		uintptr_t start = blocks[i].start > page ? blocks[i].start : page;
		uintptr_t end = blocks[i].end < page_end ? blocks[i].end : page_end;

		cover.bytes += end - start;
		cover.sites |= 1u << blocks[i].site;
	}
	return cover;
}

static unsigned class_of(uint64_t covered_bytes)
{
	return (unsigned)((covered_bytes * 10 + FRAG_PAGE_BYTES - 1) / FRAG_PAGE_BYTES);
}

static void take_page(const struct cover *cover, struct frag_pages *pages)
{
	uint64_t free_bytes = FRAG_PAGE_BYTES - cover->bytes;
	int count = __builtin_popcount(cover->sites);

	pages->occupancy[class_of(cover->bytes)]++;
	pages->pinned_bytes += free_bytes;
	for (int i = 0; i < FRAG_SITES; i++) {
		struct frag_pages_site *site = &pages->sites[i];

		if (!(cover->sites & 1u << i))
			continue;
		site->pages++;
		if (count > 1) {
			site->shared_bytes += (double)free_bytes / count;
			continue;
		}
		site->exclusive_bytes += free_bytes;
		site->own_bytes += cover->bytes;
	}
}

int frag_pages_measure(struct frag_pages *ret_pages)
{
	static struct frag_pages pages;
	uintptr_t next = 0;
	int err;

	memset(&pages, 0, sizeof(pages));
	sort_blocks();
	err = open_pagemap();
	for (size_t i = 0; !err && i < blocks_count; i++) {
		uintptr_t page = blocks[i].start & ~(FRAG_PAGE_BYTES - 1);

		pages.usable_bytes += blocks[i].end - blocks[i].start;
		for (page = page < next ? next : page; !err && page < blocks[i].end;
		     page += FRAG_PAGE_BYTES) {
			bool resident = false;

			err = is_resident(page, &resident);
			if (!err && resident) {
				struct cover cover = cover_of(page, i);

				take_page(&cover, &pages);
			}
			next = page + FRAG_PAGE_BYTES;
		}
	}
	if (pagemap.fd >= 0)
		close(pagemap.fd);
	if (err)
		return err;
	pages.blocks = blocks_count;
	pages.requested_bytes = requested_bytes;
	*ret_pages = pages;
	return 0;
}

/* ---- Mappings ----------------------------------------------------------------------- */

/* The bounds of the mapping around an address, without stdio, which would allocate. */
static int find_mapping(uintptr_t address, uintptr_t *ret_start, uintptr_t *ret_end)
{
	static char maps[1 << 20];
	size_t length = 0;
	ssize_t bytes;
	int fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	while ((bytes = read(fd, maps + length, sizeof(maps) - 1 - length)) > 0)
		length += (size_t)bytes;
	close(fd);
	maps[length] = '\0';
	for (char *line = maps; line && *line; line = strchr(line, '\n')) {
		char *p = line + (*line == '\n');
		uintptr_t start = strtoull(p, &p, 16);
		uintptr_t end = *p == '-' ? strtoull(p + 1, &p, 16) : 0;

		if (start <= address && address < end) {
			*ret_start = start;
			*ret_end = end;
			return 0;
		}
		line = p;
	}
	return -ENOENT;
}

int frag_pages_map(const void *address, struct frag_map *ret_map)
{
	size_t count = 0;
	uintptr_t page;
	int err = find_mapping((uintptr_t)address, &ret_map->start, &ret_map->end);

	if (err)
		return err;
	if ((ret_map->end - ret_map->start) / FRAG_PAGE_BYTES >= sizeof(ret_map->classes))
		return -E2BIG;
	err = open_pagemap();
	ret_map->resident_bytes = 0;
	for (page = ret_map->start; !err && page < ret_map->end; page += FRAG_PAGE_BYTES) {
		struct cover cover = cover_of(page, find_block(page));
		bool resident = false;

		err = is_resident(page, &resident);
		if (resident)
			ret_map->resident_bytes += FRAG_PAGE_BYTES;
		ret_map->classes[count++] =
			resident ? (char)('a' + class_of(cover.bytes)) : '.';
	}
	ret_map->classes[count] = '\0';
	if (pagemap.fd >= 0)
		close(pagemap.fd);
	return err;
}

/* ---- Truth -------------------------------------------------------------------------- */

void frag_pages_print(const struct frag_pages *pages, const char *const *names,
		      const struct truth_count *counts, int sites)
{
	char text[320];
	int length = 0;

	for (int i = 1; i < FRAG_CLASSES; i++)
		length += snprintf(text + length, sizeof(text) - (size_t)length, "%s%llu",
				   i > 1 ? ", " : "[",
				   (unsigned long long)pages->occupancy[i]);
	strcat(text, "]");
	truth_json("occupied_pages", text);
	truth_number("blocks", (long long)pages->blocks);
	truth_number("requested_bytes", (long long)pages->requested_bytes);
	truth_number("usable_bytes", (long long)pages->usable_bytes);
	truth_number("pinned_bytes", (long long)pages->pinned_bytes);
	for (int i = 0; i < sites; i++) {
		const struct frag_pages_site *site = &pages->sites[i];

		snprintf(text, sizeof(text),
			 "\"pinned_pages\": %llu, \"pinned_exclusive_bytes\": %llu, "
			 "\"own_bytes\": %llu, \"pinned_shared_bytes\": %.3f",
			 (unsigned long long)site->pages,
			 (unsigned long long)site->exclusive_bytes,
			 (unsigned long long)site->own_bytes, site->shared_bytes);
		truth_site(names[i], &counts[i], text);
	}
}
