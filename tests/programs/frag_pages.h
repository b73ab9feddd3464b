/* SPDX-License-Identifier: MIT */
/*
 * frag_pages.h - the truth about the pages that live blocks lie on, whatever heap, arena or
 * mapping these are in: /proc/self/pagemap says what is resident, malloc_usable_size what a
 * block covers. The definitions are those of docs/design.md.
 *
 * Guarantees: allocates nothing, and reads no page of a heap. Works with any allocator.
 * Threads: one. Memory: static.
 * Not here: free runs and figures of one whole heap (heap_pages.h).
 */
#ifndef FRAG_PAGES_H
#define FRAG_PAGES_H

#include <stddef.h>
#include <stdint.h>

#include "truth.h"

#define FRAG_SITES 8
#define FRAG_PAGE_BYTES ((size_t)4096)
#define FRAG_CLASSES 11

/* The resident pages that hold a live block, or a part of one. */
struct frag_pages {
	uint64_t blocks;
	uint64_t requested_bytes;
	uint64_t usable_bytes;
	/* By how much of the page blocks cover: [1] (0,10] percent ... [10] (90,100]. */
	uint64_t occupancy[FRAG_CLASSES];
	uint64_t pinned_bytes; /* free bytes of these pages */
	struct frag_pages_site {
		uint64_t pages; /* that hold a block of the site's */
		/* Of pages that hold blocks of this site's only: free bytes, and bytes of
		 * these blocks. */
		uint64_t exclusive_bytes;
		uint64_t own_bytes;
		double shared_bytes; /* of other pages, split evenly among their sites */
	} sites[FRAG_SITES];
};

/* One mapping, page by page. */
struct frag_map {
	uintptr_t start, end;
	uint64_t resident_bytes;
	/* A letter a page: '.' not resident, 'a' no live block, 'b' (0,10] percent covered,
	 * ... 'k' (90,100] percent; and a NUL. */
	char classes[16 * 1024];
};

/* Adds a live block of a site. */
void frag_pages_add(const void *block, size_t requested_bytes, int site);

/* Looks at the pages as they are now. Returns 0 or a negative errno: pagemap cannot be
 * read. */
int frag_pages_measure(struct frag_pages *ret_pages);

/* Looks at the mapping that holds an address, after frag_pages_measure. Returns 0 or a
 * negative errno: -ENOENT there is none, -E2BIG it is too large to be told page by page. */
int frag_pages_map(const void *address, struct frag_map *ret_map);

/* Adds the members of the figures to the program's truth; sites by their names. */
void frag_pages_print(const struct frag_pages *pages, const char *const *names,
		      const struct truth_count *counts, int sites);

#endif
