/* SPDX-License-Identifier: MIT */
/*
 * heap_pages.h - the truth about fragmentation, taken from the system itself: which pages
 * of the program's heap are resident (/proc/self/pagemap) and what the live blocks cover of
 * them (malloc_usable_size). The definitions are those of docs/design.md.
 *
 * Guarantees: allocates nothing. Threads: one. Memory: static, for heaps up to
 * HEAP_PAGES_BYTES_MAX; a larger one is an error.
 * Not here: heaps of other arenas; the programs that use this have one thread.
 */
#ifndef HEAP_PAGES_H
#define HEAP_PAGES_H

#include <stddef.h>
#include <stdint.h>

#define HEAP_PAGES_BYTES_MAX ((size_t)128 << 20)
#define HEAP_PAGES_SITES 2

struct heap_pages {
	uint64_t requested_bytes;
	uint64_t usable_bytes;
	uint64_t resident_bytes;
	uint64_t free_bytes; /* of resident pages, under no live block */
	uint64_t largest_free_run_bytes;
	uint64_t pinned_bytes; /* free bytes of resident pages that hold a live block */
	uint64_t page_occupancy[11];
	/* Free bytes of pages whose blocks are all one site's; and of the other pages,
	 * split evenly. Together they are pinned_bytes. */
	uint64_t exclusive_bytes[HEAP_PAGES_SITES];
	double shared_bytes[HEAP_PAGES_SITES];
};

/* Adds a live block of the site (0 or 1). Blocks lie in the heap that brk() made. */
void heap_pages_add(const void *block, size_t requested_bytes, int site);

/* Looks at the pages as they are now. Returns 0, or a negative errno: -ENOENT there is no
 * heap, -E2BIG it is too large, -EACCES pagemap cannot be read. */
int heap_pages_measure(struct heap_pages *ret_pages);

#endif
