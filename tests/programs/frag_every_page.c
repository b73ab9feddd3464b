/* SPDX-License-Identifier: MIT */
/*
 * frag_every_page: a heap with pages of all kinds - full, partly used, empty, taken out of
 * the middle by malloc_trim, never touched - and the class of every page of it, one by one.
 */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "frag_pages.h"
#include "frag_rss.h"
#include "truth.h"

#define BLOCKS 6000
/* Below the size from which on blocks get mappings of their own. */
#define UNTOUCHED_BYTES 100000

static const char *const names[] = {"small", "large", "untouched"};
static struct truth_count counts[3];
static struct block {
	void *memory;
	size_t size;
	int site;
} blocks[BLOCKS];

static TRUTH_SITE void *small(size_t size)
{
	return malloc(size);
}

static TRUTH_SITE void *large(size_t size)
{
	return malloc(size);
}

static TRUTH_SITE void *untouched(size_t size)
{
	return malloc(size);
}

static void take(size_t i)
{
	static void *(*const allocate[])(size_t size) = {small, large, untouched};
	struct block *block = &blocks[i];

	block->site = i % 200 == 199 ? 2 : i % 5 == 4;
	block->size = block->site == 2	 ? UNTOUCHED_BYTES
		      : block->site == 1 ? 1100 + i * 37 % 5000
					 : 16 + i * 13 % 300;
	block->memory = allocate[block->site](block->size);
	truth_allocated(&counts[block->site], block->size);
	if (block->site < 2)
		memset(block->memory, 'x', block->size);
}

static void drop(size_t i)
{
	free(blocks[i].memory);
	blocks[i].memory = NULL;
	truth_freed(&counts[blocks[i].site], blocks[i].size);
}

static int tell(void)
{
	static struct frag_pages pages;
	static struct frag_map map;
	static char text[sizeof(map.classes) + 128];
	void *first = NULL;
	int err;

	for (size_t i = 0; i < BLOCKS; i++) {
		if (!blocks[i].memory)
			continue;
		first = first ? first : blocks[i].memory;
		frag_pages_add(blocks[i].memory, blocks[i].size, blocks[i].site);
	}
	err = frag_pages_measure(&pages);
	if (!err)
		err = frag_pages_map(first, &map);
	if (err)
		return err;
	frag_pages_print(&pages, names, counts, 3);
	snprintf(text, sizeof(text),
		 "{\"start\": \"0x%lx\", \"resident_bytes\": %llu, \"pages\": \"%s\"}",
		 (unsigned long)map.start, (unsigned long long)map.resident_bytes,
		 map.classes);
	truth_json("heap", text);
	return 0;
}

/* Of each tenth of the blocks more goes than of the one before. */
static void thin_out(void)
{
	for (size_t i = 0; i < BLOCKS; i++)
		if (i * 7919 % 10 < i / (BLOCKS / 10))
			drop(i);
	malloc_trim(0);
}

int main(void)
{
	/* All allocate at one place: a call stack for each site. In the second round some
	 * of what was returned is taken again. */
	for (size_t step = 1; step <= 3; step += 2) {
		for (size_t i = 0; i < BLOCKS; i += step)
			if (!blocks[i].memory)
				take(i);
		if (step == 1)
			thin_out();
	}
	for (size_t i = BLOCKS / 2; i < BLOCKS / 2 + 400; i++)
		if (blocks[i].memory)
			drop(i);
	if (tell())
		return 3;
	truth_number("rss_bytes", frag_rss_bytes());
	truth_print();
	return 0;
}
