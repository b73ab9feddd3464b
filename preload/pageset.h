/* SPDX-License-Identifier: MIT */
/*
 * pageset.h - two bits about every page of the address space, found with two loads.
 *
 * For the scan for pointers, which asks of each word it sees whether it may be an address
 * of the heap: most words are not, and must cost next to nothing.
 * Guarantees: no lock, no errno. Threads: one at a time. Memory: memory.h's, 64 KiB for
 * 2^18 pages in which any bit was set; pageset_done gives it back.
 */
#ifndef PAGESET_H
#define PAGESET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PAGESET_TARGET 1u  /* blocks may lie there */
#define PAGESET_PRESENT 2u /* to be looked at: resident */

/* Beyond 47 bits programs get memory only where they ask for it by address (Linux,
 * Documentation/arch/x86/x86_64/5level-paging.rst). */
#define PAGESET_ADDRESS_BITS 47
#define PAGESET_LEAF_BITS 18 /* pages under one leaf */
#define PAGESET_LEAVES (1u << (PAGESET_ADDRESS_BITS - 12 - PAGESET_LEAF_BITS))

struct pageset {
	uint8_t **leaves; /* NULL: none of its pages has a bit */
	unsigned page_shift;
};

/* page_bytes: at least 4096. Returns 0 or -ENOMEM. */
int pageset_init(struct pageset *set, size_t page_bytes);
void pageset_done(struct pageset *set);

/* Adds bits to all pages of [start, end). Returns 0 or -ENOMEM; some may have them then. */
int pageset_add(struct pageset *set, uintptr_t start, uintptr_t end, uint8_t bits);

/* The bits of the page that holds address. */
static inline uint8_t pageset_get(const struct pageset *set, uintptr_t address)
{
	const uint8_t *leaf;
	size_t page;

	if (address >> PAGESET_ADDRESS_BITS)
		return 0;
	page = address >> set->page_shift;
	leaf = set->leaves[page >> PAGESET_LEAF_BITS];
	if (!leaf)
		return 0;
	page &= (1u << PAGESET_LEAF_BITS) - 1;
	return leaf[page / 4] >> page % 4 * 2 & 3;
}

#endif
