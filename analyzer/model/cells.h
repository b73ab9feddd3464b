/* SPDX-License-Identifier: MIT */
/*
 * cells.h - which live blocks begin on which page, and what is counted of the pages, kept
 * up while events are replayed.
 *
 * A snapshot asks how full every page is. Sorting all live blocks for each of thousands of
 * snapshots would cost more than the replay, so an event writes into a log only
 * (changes.h), and cells_refresh goes once over the pages on which blocks came or went. A
 * page is a cell, which keeps a list of the blocks that begin on it; those that reach
 * beyond it cost nothing on the pages between their ends. Where more changes wait than
 * blocks live, the log is given up and everything made anew from the live blocks; where
 * events go on for long without a snapshot (patience), nothing is noted at all. So a
 * snapshot costs what changed, or what lives, whichever is less.
 * Eight cells side by side are a strip, made where a block begins or where one ends within
 * a page; strips lie in groups. What a counted page holds (pagesums.h, pins.h) stays
 * counted until the page changes: it is taken off by cells_refresh where blocks came or
 * went, and put on by who knows which pages are in memory (occupancy.h).
 * Guarantees: exact to the byte, at any address and where blocks overlap, as in a damaged
 * dump. Threads: one at a time. Memory: 640 bytes a strip, 16 to 40 for each block, 1 KiB a
 * group; 48 for each change that waits, of which there are no more than blocks live.
 * Not here: which pages are in memory.
 */
#ifndef CELLS_H
#define CELLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "blocks.h"
#include "changes.h"
#include "pagesums.h"
#include "pins.h"
#include "pool.h"

#define STRIP_CELLS 8u
#define GROUP_STRIPS 64u

/* A block that begins on a page. */
struct cell_block {
	uint32_t site;
	uint32_t start;	       /* on the page; with CELL_BLOCK_FIRST */
	uint32_t usable, size; /* bytes; usable CHANGE_LARGE: ask for the block */
};

/* While the page is counted: the first of its site there. */
#define CELL_BLOCK_FIRST 0x80000000u

/* Room of the smallest list, a cache line, and how many sizes of lists have pools. */
#define CELL_LIST_BLOCKS 4u
#define CELL_LISTS 7u

struct cell {
	uint64_t reach;		   /* where the block ends that goes furthest; 0: none */
	uint64_t asked_reach;	   /* where that which was asked of it ends */
	struct cell_block *blocks; /* in order of address */
	uint32_t reach_site;
	uint32_t blocks_count;
	/* Of the page, as it is counted: bytes of a block from before it, and what was put
	 * into the sums. */
	uint32_t into, asked_into;
	uint32_t covered, asked, headers;
	uint32_t other;	 /* the site of that block */
	uint32_t parts;	 /* sites with blocks on the page */
	uint8_t before;	 /* header bytes that lie on the page before */
	uint8_t after;	 /* of the next page's blocks, on this one; as counted */
	uint8_t list;	 /* log2 of the list's room in smallest lists, + 1; 0: no list */
	bool other_pins; /* none of the blocks that begin here is of `other` */
} __attribute__((aligned(64)));

/* Free bytes without a gap on pages one after the other, where these are in memory: at
 * their begin, at their end, and the longest of those that do not lie on two parts that it
 * was put together from. All at the begin: all is free. */
struct free_runs {
	uint32_t lead, tail, longest;
};

struct strip {
	/* A bit for each cell. */
	uint8_t used;	 /* blocks begin there */
	uint8_t beyond;	 /* one of them reaches beyond the page */
	uint8_t counted; /* the page is */
	uint8_t into;	 /* counted, and a block reaches into it */
	/* As of the last sweep. */
	uint8_t furthest; /* of those that reach beyond their page; index + 1; 0: none */
	struct free_runs runs;
	struct free_runs pages[STRIP_CELLS]; /* of those that are counted */
	struct cell cells[STRIP_CELLS];
};

/* The block that reaches furthest of all that begin before an address. */
struct cells_flow {
	uint64_t reach, asked_reach;
	uint32_t site;
};

struct cells_group {
	uint64_t number;      /* address >> cells.group_shift */
	uint32_t last_thread; /* that was seen to allocate here */
	bool chunks;	      /* was seen to have a block that glibc cut from a heap */
	uint64_t present;     /* a bit for each strip: there is one */
	uint64_t dirty;	      /* to be looked at by the next sweep */
	struct strip *strips[GROUP_STRIPS];
	/* The sweep's (occupancy.c). A byte for each strip, a bit for each page. */
	uint64_t serial; /* of the sweep to which `next` belongs */
	struct cells_pages {
		uint8_t resident[GROUP_STRIPS];
		uint8_t breaks[GROUP_STRIPS]; /* a region begins */
	} now, next;
	struct cells_flow in, out;
	struct page_sums gaps; /* of pages that are in no strip */
	struct free_runs runs;
};

struct cells {
	unsigned page_shift, group_shift;
	uint64_t patience;	  /* events to be noted; 0: too many went by */
	struct cells_group *last; /* that was found */
	struct cells_group **groups;
	size_t groups_count, groups_room, groups_sorted;
	uint32_t *index; /* of groups by number; entry + 1 */
	unsigned index_shift;
	struct changes changes;
	struct pool strips;
	struct pool lists[CELL_LISTS]; /* of cells' blocks, by room: each twice the last */
	struct cell_block *merged;     /* room to put a list together */
	size_t merged_room;
	bool with_headers; /* counted: glibc's */
	struct page_sums sums;
	struct pins pins;
};

/* A cell with blocks. */
struct cells_place {
	uint64_t address;
	const struct cell *cell;
};

/* No cells, of pages of this size, a power of two from 1 KiB to 1 MiB. */
void cells_init(struct cells *cells, uint32_t page_bytes);
void cells_done(struct cells *cells);

static inline uint32_t cells_page_bytes(const struct cells *cells)
{
	return 1u << cells->page_shift;
}

static inline uint64_t cells_strip_bytes(const struct cells *cells)
{
	return (uint64_t)STRIP_CELLS << cells->page_shift;
}

static inline uint64_t cells_group_start(const struct cells *cells,
					 const struct cells_group *group)
{
	return group->number << cells->group_shift;
}

static inline unsigned cells_group_strips(const struct cells *cells)
{
	return 1u << (cells->group_shift - cells->page_shift - 3);
}

/* Which strip of its group an address is in. */
static inline unsigned cells_strip_of(const struct cells *cells, uint64_t address)
{
	return (unsigned)(address >> (cells->page_shift + 3)) &
	       (cells_group_strips(cells) - 1);
}

/* For cells_note. */
int cells_notice(struct cells *cells, const struct block *block);

/* A block is live from now on; one that was at its address has been dropped. Returns 0 or
 * -ENOMEM. */
static inline int cells_note(struct cells *cells, const struct block *block)
{
	if (cells->patience == 0)
		return 0;
	cells->patience--;
	return cells_notice(cells, block);
}

/* A block is not live any more. */
static inline void cells_drop(struct cells *cells, uint64_t address)
{
	if (cells->patience == 0)
		return;
	cells->patience--;
	changes_drop(&cells->changes, address);
}

/* Brings all cells up to date with the table of live blocks; pages that change are counted
 * no more. Returns 0 or -ENOMEM. */
int cells_refresh(struct cells *cells, const struct blocks *blocks);

/* The first cell with blocks at an address or behind it. Returns whether there is one. */
bool cells_seek(const struct cells *cells, uint64_t address, struct cells_place *ret_place);

/* The index of the first group (they are in order after cells_refresh) that ends behind an
 * address. */
size_t cells_find_group(const struct cells *cells, uint64_t address);

/* Puts groups in order. Returns 0 or -ENOMEM. */
int cells_sort_groups(struct cells *cells);

/* The group of an address, made if need be; NULL: no memory. */
struct cells_group *cells_group_at(struct cells *cells, uint64_t address);

/* The strip of an address, made if need be, which the next sweep will look at; NULL: no
 * memory. */
struct strip *cells_strip_at(struct cells *cells, uint64_t address);

/* Gives back a strip without blocks of which nothing is counted. */
void cells_drop_strip(struct cells *cells, struct cells_group *group, unsigned strip);

/* What of a flow is on the page at an address: bytes, and of these, asked for ones. */
static inline uint32_t cells_flow_into(const struct cells *cells, uint64_t reach,
				       uint64_t address)
{
	if (reach <= address)
		return 0;
	return reach - address < cells_page_bytes(cells) ? (uint32_t)(reach - address)
							 : cells_page_bytes(cells);
}

/* Counts a page; `flow`: of before it; headers_after: bytes of headers of the next page's
 * blocks that lie on it. The account has room for all sites. */
void cells_count(struct cells *cells, struct strip *strip, unsigned index, uint64_t address,
		 const struct cells_flow *flow, unsigned headers_after,
		 const struct blocks *blocks);
/* Takes a page, if it is counted, off again. */
void cells_uncount(struct cells *cells, struct strip *strip, unsigned index);

/* Works changes, sorted, into the cell of the page at an address. If the page is counted
 * it is so again, as long as nothing changed around it. Returns 0 or -ENOMEM. */
int cells_change(struct cells *cells, struct strip *strip, unsigned index, uint64_t address,
		 const struct change *from, const struct change *to,
		 const struct blocks *blocks);

/* A cell without blocks; frees what it had. */
void cell_forget(struct cells *cells, struct cell *cell);

/* Whether a block's size says that glibc cut it from a heap; otherwise it has a mapping of
 * its own. glibc, malloc.c: a chunk is a multiple of 16 bytes, of which the block has all
 * but 8; but of a mapped chunk all but 16. */
static inline bool block_is_chunk(uint64_t usable)
{
	return (usable & 15) == 8;
}

/* Bytes of the header before a block of glibc's. */
static inline unsigned block_header_bytes(uint64_t usable)
{
	return block_is_chunk(usable) ? 8 : 16;
}

/* Offset of a block on its page. */
static inline uint32_t cell_block_start(const struct cell_block *block)
{
	return block->start & ~CELL_BLOCK_FIRST;
}

/* Sets usable and size of one of a cell's blocks, as they are. */
static inline void cell_block_bytes(const struct cell_block *block, uint64_t page,
				    const struct blocks *blocks, uint64_t *ret_usable,
				    uint64_t *ret_size)
{
	const struct block *large;

	*ret_usable = block->usable;
	*ret_size = block->size;
	if (__builtin_expect(block->usable != CHANGE_LARGE, 1))
		return;
	large = blocks_find(blocks, page + cell_block_start(block));
	/* What would go beyond all addresses ends at the last one. */
	*ret_usable = !large ? 0
		      : large->usable < UINT64_MAX - large->address
			      ? large->usable
			      : UINT64_MAX - large->address;
	*ret_size = large ? large->size : 0;
}

#endif
