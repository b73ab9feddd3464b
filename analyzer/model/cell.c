/* SPDX-License-Identifier: MIT */
/* One cell: what its blocks cover. All of them together: cells.c. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cells.h"

/* Room for the first sites that do not fit a cell; a power of two. */
#define MANY_SITES 16u

void cell_forget(struct cell *cell)
{
	if (cell->sites_count > CELL_SITES)
		free(cell->sites.many);
	cell->sites_count = 0;
}

static int add_site(struct cell *cell, uint32_t site)
{
	const uint32_t *sites = cell_sites(cell);
	uint32_t *many;

	/* The last ones first: neighbours often come from one site. */
	for (size_t i = cell->sites_count; i-- > 0;)
		if (sites[i] == site)
			return 0;
	if (cell->sites_count < CELL_SITES) {
		cell->sites.few[cell->sites_count++] = site;
		return 0;
	}
	if (cell->sites_count == CELL_SITES) {
		many = malloc(MANY_SITES * sizeof(*many));
		if (!many)
			return -ENOMEM;
		memcpy(many, cell->sites.few, sizeof(cell->sites.few));
		cell->sites.many = many;
	} else if (cell->sites_count >= MANY_SITES &&
		   (cell->sites_count & (cell->sites_count - 1)) == 0) {
		many = reallocarray(cell->sites.many, cell->sites_count, 2 * sizeof(*many));
		if (!many)
			return -ENOMEM;
		cell->sites.many = many;
	}
	cell->sites.many[cell->sites_count++] = site;
	return 0;
}

static int add_block(struct cell *cell, const struct block *block, uint64_t address,
		     uint64_t *at)
{
	uint64_t end = block->address + block->usable, asked, from, to;
	uint64_t offset = block->address - address, limit = address + CELL_BYTES;
	unsigned header = block_header_bytes(block->usable);

	if (end < block->address)
		end = UINT64_MAX;
	from = block->address > *at ? block->address : *at;
	if (from >= end)
		return 0;
	asked = block->size < end - block->address ? block->address + block->size : end;
	if (cell->covered == 0)
		cell->first = (uint16_t)(from - address);
	else if (from - *at > cell->longest)
		cell->longest = (uint16_t)(from - *at);
	to = end < limit ? end : limit;
	if (from < to)
		cell->covered = (uint16_t)(cell->covered + (to - from));
	to = asked < limit ? asked : limit;
	if (from < to)
		cell->asked = (uint16_t)(cell->asked + (to - from));
	if (offset < header)
		cell->before = (uint8_t)(cell->before + header - offset);
	else
		cell->headers = (uint16_t)(cell->headers + header);
	if (end > cell->reach) {
		cell->reach = end;
		cell->asked_reach = asked;
		cell->reach_site = block->site;
	}
	*at = end;
	/* What begins behind the cell's end because of `from` is on no page here. */
	return from < limit ? add_site(cell, block->site) : 0;
}

/* At odd addresses two blocks can share a bit, so that every address is asked for and the
 * bits are made anew. */
static int measure_odd(struct cell *result, uint64_t address, uint64_t *at,
		       const struct blocks *blocks)
{
	int r = 0;

	result->odd = false;
	for (unsigned offset = 0; r == 0 && offset < CELL_BYTES; offset++) {
		const struct block *block = blocks_find(blocks, address + offset);

		if (!block)
			continue;
		result->odd |= offset % 8 != 0;
		result->starts[offset / 512] |= 1ull << (offset / 8 % 64);
		r = add_block(result, block, address, at);
	}
	return r;
}

int cell_measure(const struct cell *cell, uint64_t address, uint64_t from,
		 const struct blocks *blocks, struct cell *ret_cell)
{
	struct cell result = {.odd = cell->odd};
	uint64_t at = from > address ? from : address;
	int r = 0;

	if (cell->odd)
		r = measure_odd(&result, address, &at, blocks);
	else
		memcpy(result.starts, cell->starts, sizeof(result.starts));
	for (unsigned word = 0; !cell->odd && word < CELL_WORDS; word++) {
		uint64_t bits = cell->starts[word];

		for (; r == 0 && bits; bits &= bits - 1) {
			unsigned granule = word * 64 + (unsigned)__builtin_ctzll(bits);
			const struct block *block =
				blocks_find(blocks, address + 8ull * granule);

			if (block)
				r = add_block(&result, block, address, &at);
		}
	}
	if (r < 0) {
		cell_forget(&result);
		return r;
	}
	*ret_cell = result;
	return 0;
}
