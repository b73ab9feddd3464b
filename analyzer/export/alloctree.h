/* SPDX-License-Identifier: MIT */
/*
 * alloctree.h - call stacks as a tree that begins with who called the allocator: below each
 * frame its callers, those with most bytes first.
 *
 * Threads: none. Memory: an entry a node of the tree; alloctree_done.
 * Not here: any format.
 */
#ifndef ALLOCTREE_H
#define ALLOCTREE_H

#include <stddef.h>
#include <stdint.h>

struct report;
struct sites;

/* The frame that stands for unknown callers. */
#define ALLOCTREE_UNKNOWN UINT32_MAX

struct alloctree_entry {
	uint32_t parent; /* index; of entry 0, which stands for the allocator, 0 */
	uint32_t node;	 /* of the call tree, or ALLOCTREE_UNKNOWN */
	uint32_t depth;	 /* of entry 0: 0 */
	uint64_t bytes;	 /* with all below it */
	size_t children, first_child; /* in order */
};

struct alloctree {
	struct alloctree_entry *entries;
	size_t count, room;
	uint32_t *order; /* indices of the entries but for 0, children of one together */
};

/* What of a site counts, in bytes. */
typedef uint64_t alloctree_weigh_fn(const void *context, size_t site);

/* Makes the tree of those sites of which anything counts. Returns 0 or -ENOMEM;
 * alloctree_done in any case. */
int alloctree_init(struct alloctree *tree, const struct report *report,
		   const struct sites *sites, alloctree_weigh_fn *weigh,
		   const void *context);
void alloctree_done(struct alloctree *tree);

#endif
