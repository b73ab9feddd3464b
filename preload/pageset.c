/* SPDX-License-Identifier: MIT */
#include "pageset.h"

#include <errno.h>

#include "memory.h"

#define LEAF_BYTES ((1u << PAGESET_LEAF_BITS) / 4)

int pageset_init(struct pageset *set, size_t page_bytes)
{
	set->page_shift = (unsigned)__builtin_ctzl(page_bytes);
	set->leaves = memory_map(PAGESET_LEAVES * sizeof(*set->leaves));
	return set->leaves ? 0 : -ENOMEM;
}

void pageset_done(struct pageset *set)
{
	if (!set->leaves)
		return;
	for (size_t i = 0; i < PAGESET_LEAVES; i++)
		if (set->leaves[i])
			memory_unmap(set->leaves[i], LEAF_BYTES);
	memory_unmap(set->leaves, PAGESET_LEAVES * sizeof(*set->leaves));
	set->leaves = NULL;
}

int pageset_add(struct pageset *set, uintptr_t start, uintptr_t end, uint8_t bits)
{
	const uintptr_t beyond = (uintptr_t)1 << PAGESET_ADDRESS_BITS;
	size_t page = start >> set->page_shift, last;

	if (end > beyond)
		end = beyond;
	if (start >= end)
		return 0;
	last = (end - 1) >> set->page_shift;
	for (; page <= last; page++) {
		uint8_t **leaf = &set->leaves[page >> PAGESET_LEAF_BITS];
		size_t at = page & ((1u << PAGESET_LEAF_BITS) - 1);

		if (!*leaf)
			*leaf = memory_map(LEAF_BYTES);
		if (!*leaf)
			return -ENOMEM;
		if (at % 4 == 0 && last - page >= 3) {
			(*leaf)[at / 4] |= (uint8_t)(bits * 0x55u);
			page += 3;
		} else {
			(*leaf)[at / 4] |= (uint8_t)(bits << at % 4 * 2);
		}
	}
	return 0;
}
