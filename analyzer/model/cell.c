/* SPDX-License-Identifier: MIT */
/* One cell: what its blocks cover. All of them together: cells.c. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cells.h"

#define FEWEST_ROOM 4u
#define MOST_BLOCKS (CELL_BYTES / 8)

/* A cell in the making. What it owns is copied when all of it is known. */
struct measure {
	struct cell cell;
	uint64_t address, at; /* the cell's; what is before `at` is taken */
	uint32_t sites_count, blocks_count;
	struct cell_block blocks[MOST_BLOCKS];
	uint32_t sites[CELL_BYTES];
};

void cell_forget(struct cell *cell)
{
	free(cell->sites);
	cell->sites = NULL;
	cell->sites_count = cell->blocks_count = cell->room = 0;
}

static void add_site(struct measure *measure, uint32_t site)
{
	/* The last ones first: neighbours often come from one site. */
	for (uint32_t i = measure->sites_count; i-- > 0;)
		if (measure->sites[i] == site)
			return;
	measure->sites[measure->sites_count++] = site;
}

static void add_block(struct measure *measure, const struct block *block)
{
	struct cell *cell = &measure->cell;
	const uint64_t address = measure->address;
	uint64_t end = block->address + block->usable, asked, from, to;
	uint64_t offset = block->address - address, limit = address + CELL_BYTES;
	unsigned header = block_header_bytes(block->usable);

	if (end < block->address)
		end = UINT64_MAX;
	from = block->address > measure->at ? block->address : measure->at;
	if (from >= end)
		return;
	asked = block->size < end - block->address ? block->address + block->size : end;
	if (cell->covered == 0)
		cell->first = (uint16_t)(from - address);
	else if (from - measure->at > cell->longest)
		cell->longest = (uint16_t)(from - measure->at);
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
	measure->at = end;
	/* What begins behind the cell's end because of `from` is on no page here. */
	if (from < limit)
		add_site(measure, block->site);
}

/* At odd addresses two blocks can share a bit, so that every address is asked for and the
 * bits are made anew. Nothing is kept of the blocks. */
static void measure_odd(struct measure *measure, const struct blocks *blocks)
{
	struct cell *cell = &measure->cell;

	cell->odd = false;
	for (unsigned word = 0; word < CELL_WORDS; word++)
		cell->words[word] = (struct cell_word){0, 0};
	for (unsigned offset = 0; offset < CELL_BYTES; offset++) {
		const struct block *block = blocks_find(blocks, measure->address + offset);

		if (!block)
			continue;
		cell->odd |= offset % 8 != 0;
		cell->words[offset / 512].starts |= 1ull << (offset / 8 % 64);
		add_block(measure, block);
	}
}

static void keep_block(struct measure *measure, const struct block *block)
{
	bool is_large =
		block->usable >= CELL_BLOCK_LARGE || block->size >= CELL_BLOCK_LARGE;

	measure->blocks[measure->blocks_count++] = (struct cell_block){
		.site = block->site,
		.start = (uint16_t)(block->address - measure->address),
		.usable = is_large ? CELL_BLOCK_LARGE : (uint16_t)block->usable,
		.size = is_large ? CELL_BLOCK_LARGE : (uint16_t)block->size,
	};
}

/* Blocks that did not change are taken from what the cell knew of them. */
static void measure_even(struct measure *measure, const struct cell *cell,
			 const struct blocks *blocks)
{
	const struct cell_block *known = cell_blocks(cell);
	const struct cell_block *end = known + cell->blocks_count;

	for (unsigned word = 0; word < CELL_WORDS; word++) {
		const uint64_t changed = cell->words[word].changed;

		measure->cell.words[word] = (struct cell_word){cell->words[word].starts, 0};
		for (uint64_t bits = cell->words[word].starts; bits; bits &= bits - 1) {
			unsigned bit = (unsigned)__builtin_ctzll(bits);
			unsigned start = word * 512 + bit * 8;
			const struct block *block;

			while (known < end && known->start < start)
				known++;
			if (known < end && known->start == start && !(changed >> bit & 1) &&
			    known->usable != CELL_BLOCK_LARGE) {
				measure->blocks[measure->blocks_count++] = *known;
				add_block(measure,
					  &(struct block){
						  .address = measure->address + start,
						  .usable = known->usable,
						  .size = known->size,
						  .site = known->site,
					  });
				continue;
			}
			block = blocks_find(blocks, measure->address + start);
			if (block) {
				keep_block(measure, block);
				add_block(measure, block);
			}
		}
	}
}

/* Puts what was measured into a cell, in memory that it has or in new memory. */
static int store(const struct measure *measure, struct cell *cell)
{
	uint32_t sites_count = measure->sites_count, blocks_count = measure->blocks_count;
	uint32_t needed = sites_count > blocks_count ? sites_count : blocks_count;
	struct cell result = measure->cell;

	result.sites = cell->sites;
	result.room = cell->room;
	if (needed > result.room) {
		result.room = needed < FEWEST_ROOM ? FEWEST_ROOM
						   : (uint16_t)(needed + needed / 4);
		/* Nothing of what is there is needed any more. */
		result.sites = malloc(result.room *
				      (sizeof(uint32_t) + sizeof(struct cell_block)));
		if (!result.sites)
			return -ENOMEM;
		free(cell->sites);
	}
	result.sites_count = (uint16_t)sites_count;
	result.blocks_count = (uint16_t)blocks_count;
	if (sites_count)
		memcpy(result.sites, measure->sites, sites_count * sizeof(uint32_t));
	if (blocks_count)
		memcpy(result.sites + result.room, measure->blocks,
		       blocks_count * sizeof(struct cell_block));
	*cell = result;
	return 0;
}

int cell_measure(const struct cell *cell, uint64_t address, uint64_t from,
		 const struct blocks *blocks, struct cell *ret_cell)
{
	struct measure measure; /* too large to clear it all */

	measure.cell = (struct cell){.odd = cell->odd};
	measure.address = address;
	measure.at = from > address ? from : address;
	measure.sites_count = measure.blocks_count = 0;
	if (cell->odd)
		measure_odd(&measure, blocks);
	else
		measure_even(&measure, cell, blocks);
	return store(&measure, ret_cell);
}
