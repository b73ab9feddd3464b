/* SPDX-License-Identifier: MIT */
/*
 * cells.h - where live blocks begin, by 4 KiB cell of the address space, kept up while
 * events are replayed.
 *
 * A snapshot asks how full every page is. Sorting all live blocks for each of thousands of
 * snapshots would cost more than the replay, so an event marks its cell only: a bit for
 * where the block begins. cells_refresh then measures the cells that were touched since the
 * last snapshot; all others still know what they said then. A cell also keeps what it was
 * told of its blocks, so that only new ones are looked up in the table of all. Where far
 * more events pass between two snapshots than there are live blocks, marking them would
 * cost more than looking at all blocks once, so it stops (patience) until the next
 * cells_refresh. Either way a snapshot costs what changed, or what lives, whichever is
 * less; and besides, a look at a few bytes of each cell (cell_digest). A cell knows of the
 * blocks that begin in it. A block that reaches beyond its cell is told of by `reach`, and
 * costs nothing on the pages between its ends. What call sites pin on a cell can be entered
 * in an account (cells_pin), and comes off it by itself when the cell changes. Guarantees:
 * exact to the byte, also where a damaged dump has blocks at odd addresses. Threads: one at
 * a time. Memory: about 280 bytes for a cell with a block and 16 for each of its blocks, 2
 * KiB for each 2 MiB of addresses in which there ever was one. Not here: which cells are in
 * memory (occupancy.h).
 */
#ifndef CELLS_H
#define CELLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "blocks.h"
#include "pins.h"

#define CELL_BYTES 4096u
#define CELL_WORDS (CELL_BYTES / 8 / 64)
#define CELLS_GROUP_SHIFT 21
#define CELLS_GROUP_CELLS 512u

/* What is known of a block that begins in a cell. */
struct cell_block {
	uint32_t site;
	uint16_t start;	       /* offset in the cell */
	uint16_t usable, size; /* bytes; usable CELL_BLOCK_LARGE: ask for the block */
};

#define CELL_BLOCK_LARGE UINT16_MAX

struct cell {
	/* A bit for each 8 bytes. */
	struct cell_word {
		uint64_t starts;  /* a block begins */
		uint64_t changed; /* one came or went since the last cells_refresh */
	} words[CELL_WORDS];
	/* What follows was measured at the last cells_refresh. Bytes outside of the cell
	 * are not counted. */
	uint64_t reach;	      /* where the block ends that goes furthest */
	uint64_t asked_reach; /* where that which was asked of it ends */
	/* Of the blocks that begin here, each site once. Behind `room` sites there is room
	 * for as many blocks: cell_blocks. */
	uint32_t *sites;
	uint32_t reach_site;
	uint16_t sites_count;
	uint16_t blocks_count; /* in order of address; none of an odd cell's */
	uint16_t room;
	uint16_t first;	  /* offset of the first block */
	uint16_t covered; /* bytes of blocks */
	uint16_t asked;	  /* of these, bytes that were asked for */
	uint16_t headers; /* glibc's, of the blocks that begin here */
	uint16_t longest; /* free bytes between two blocks that begin here */
	uint8_t before;	  /* header bytes that lie in the cell before */
	bool odd; /* had a block at an address that is no multiple of 8: bits do not do */
};

/* What a sweep over all cells looks at, close together: of the cell, as measured, and of
 * the page that is the cell, what is entered in the account. */
struct cell_digest {
	uint16_t first, covered, asked, headers, longest;
	uint16_t tail; /* free bytes behind the last block */
	uint8_t before;
	bool beyond; /* a block reaches beyond the cell's end */
	struct pins_entry pinned;
};

struct cells_group {
	uint64_t number;      /* address >> CELLS_GROUP_SHIFT */
	uint32_t last_thread; /* that was seen to allocate here */
	bool chunks;	      /* was seen to have a block that glibc cut from a heap */
	uint32_t cells[CELLS_GROUP_CELLS];	/* index + 1; 0: none */
	uint64_t dirty[CELLS_GROUP_CELLS / 64]; /* a bit for each: to be measured */
};

/* A cell in order of address. */
struct cells_place {
	uint64_t address;
	uint32_t cell;
};

struct cells {
	uint64_t patience;	  /* events to be marked; 0: the marks are out of date */
	struct cells_group *last; /* that an event touched */
	struct cells_group **groups;
	size_t groups_count, groups_room, groups_sorted;
	uint32_t *index; /* of groups by number; entry + 1 */
	unsigned index_shift;
	struct cell *cells;
	struct cell_digest *digests; /* of each of the cells */
	size_t count, room;
	uint32_t unused;	    /* index + 1 of the first unused cell: a chain */
	struct cells_place *places; /* as of cells_refresh */
	bool moved;		    /* places are to be made anew */
	size_t places_count, places_room;
	struct pins pins;
};

/* No cells are all zeros; cells_done frees them and leaves that. */
void cells_done(struct cells *cells);

/* For cells_note and cells_drop. */
int cells_mark(struct cells *cells, const struct block *block);
void cells_unmark(struct cells *cells, uint64_t address);

/* A block is live from now on. Returns 0 or -ENOMEM. */
static inline int cells_note(struct cells *cells, const struct block *block)
{
	if (cells->patience == 0)
		return 0;
	cells->patience--;
	return cells_mark(cells, block);
}

/* A block is not live any more. */
static inline void cells_drop(struct cells *cells, uint64_t address)
{
	if (cells->patience == 0)
		return;
	cells->patience--;
	cells_unmark(cells, address);
}

/* Measures what changed, and puts places in order. Returns 0 or -ENOMEM. */
int cells_refresh(struct cells *cells, const struct blocks *blocks);

/* Measures one cell as if all before `from`, an address, were taken. ret_cell is all zeros
 * or a cell measured before, whose memory is used again; it can be the cell itself. Its
 * memory is the caller's (cell_forget). Returns 0 or -ENOMEM. */
int cell_measure(const struct cell *cell, uint64_t address, uint64_t from,
		 const struct blocks *blocks, struct cell *ret_cell);
void cell_forget(struct cell *cell);

/* Enters what is pinned on the page that is a cell: free_bytes for its sites and
 * `reaching`, the site of a block that reaches into it, or PINS_NO_SITE. Stays until the
 * cell or one of these changes. Room has been made in the account. */
void cells_pin(struct cells *cells, uint32_t cell, uint32_t reaching, uint16_t free_bytes);
void cells_unpin(struct cells *cells, uint32_t cell);

/* The index of the first place at an address or behind it. */
size_t cells_find(const struct cells *cells, uint64_t address);

/* The index of the first group (they are in order after cells_refresh) that ends behind an
 * address. */
size_t cells_find_group(const struct cells *cells, uint64_t address);

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

/* blocks_count of them. Good until the cell is measured again. */
static inline const struct cell_block *cell_blocks(const struct cell *cell)
{
	return (const struct cell_block *)(cell->sites + cell->room);
}

#endif
