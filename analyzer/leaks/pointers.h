/* SPDX-License-Identifier: MIT */
/*
 * pointers.h - a scan: which words of a process held addresses of its heap at an instant.
 *
 * What leaks are classified from. It is filled from the records of a dump (scanrecords.h),
 * or from the memory of a process or a core file by whoever can read it: from all zeros on
 * roots, words and blocks in any order, then pointers_seal.
 *
 * Where a word lies says what it is worth (after pointers_seal):
 *  - in a root: it makes what it points to reachable;
 *  - else in a live block: it makes it reachable if the block is;
 *  - else it is the allocator's own, or in freed memory, and is worth nothing.
 * Roots and blocks do not overlap, but a stack, or saved registers, may lie in a block (a
 * coroutine's stack, a runtime's). Look for a root first.
 *
 * Guarantees after pointers_seal: roots, words, contents and blocks are in order of
 * address; no address twice among the words, among the contents or among the blocks.
 * Units: bytes, addresses of the process; times are clock units since the start.
 * Threads: one at a time. Memory: 16 bytes a word, 40 a block; pointers_free.
 * Not here: the graph, and what it means (the rest of this folder).
 */
#ifndef POINTERS_H
#define POINTERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mft_format.h"

struct blocks;

/* A root's module or thread, where it has none. */
#define POINTERS_NONE UINT32_MAX

struct pointers_root {
	uint64_t start, end;
	enum mft_root_kind kind;
	uint32_t module; /* MODULE: index into profile.modules, or POINTERS_NONE */
	uint32_t tid;	 /* STACK, REGISTERS, TLS: whose; or POINTERS_NONE */
};

struct pointers_word {
	uint64_t address; /* aligned */
	uint64_t value;
};

/* A block that was live at the scan. */
struct pointers_block {
	uint64_t address;
	uint64_t size;	 /* asked for */
	uint64_t usable; /* words behind `size` are not the program's */
	uint64_t birth;	 /* clock units */
	uint32_t site;	 /* as in struct block */
	uint32_t thread;
};

struct pointers {
	uint64_t clock; /* units; the instant of the scan */
	enum mft_snapshot_reason reason;
	uint32_t flags;		  /* MFT_SCAN_*: what it lacks; 0: nothing */
	uint32_t threads;	  /* other threads that were there */
	uint32_t threads_running; /* of these, not stopped: registers unknown */
	uint64_t absent_pages;	  /* swapped out or unreadable, not looked at */
	uint64_t words_lost;	  /* found but not in the dump: no space */
	uint64_t duration_ns;	  /* how long the process stood still */

	struct pointers_root *roots;
	size_t roots_count, roots_room;
	/* Words whose value lies in memory that an allocator may serve blocks from. Not
	 * every one of them points to a block. */
	struct pointers_word *words;
	size_t words_count, words_room;
	/* Other words of the heap that tell an interior pointer that is meant from one that
	 * is a remnant: those that point to read-only data of a module (a vtable); and, at
	 * A - 8, A - 16 and A - 24, numbers below 2^40 wherever some word has the value A
	 * and A is 8 more than a multiple of 16 (the count before an array, the length
	 * before a string). A number 0 is left out: a word that is missing is 0 or unknown.
	 */
	struct pointers_word *contents;
	size_t contents_count, contents_room;
	struct pointers_block *blocks;
	size_t blocks_count, blocks_room;
	/* The process is a copy of another (MFT_FLAG_FORKED) and has blocks of that one
	 * which nobody knows here. Set before pointers_seal: memory of the heap outside the
	 * known blocks is then a root, of kind MAPPING, since it may be such a block. */
	bool inherits;
	bool words_unsorted, contents_unsorted;
};

/* Frees what it holds and leaves it empty, that is, all zeros. */
void pointers_done(struct pointers *pointers);

/* Each returns 0 or -ENOMEM. Words in order of address cost least. */
int pointers_add_root(struct pointers *pointers, const struct pointers_root *root);
int pointers_add_word(struct pointers *pointers, uint64_t address, uint64_t value);
int pointers_add_content(struct pointers *pointers, uint64_t address, uint64_t value);
int pointers_add_block(struct pointers *pointers, const struct pointers_block *block);

/* All live blocks of a replay. Returns 0 or -ENOMEM. */
int pointers_add_blocks(struct pointers *pointers, const struct blocks *blocks);

/* Sorts, and settles what is a root. Out of MAPPING roots is taken what the allocator
 * serves blocks from, live ones or free. is_glibc: with glibc's malloc those are heaps of
 * arenas (told by their place: regions.h) and the pages of blocks that have a mapping of
 * their own; with others every mapping that holds a live block. A stack ends with the block
 * that it begins in, or where the next block begins. Where roots overlap the more special
 * one stays: registers, TLS, stack, module, mapping. Roots of kind HEAP go. page_bytes: of
 * the traced system. Returns 0 or -ENOMEM. */
int pointers_seal(struct pointers *pointers, uint32_t page_bytes, bool is_glibc);

/* The root that holds an address, or NULL. */
const struct pointers_root *pointers_find_root(const struct pointers *pointers,
					       uint64_t address);

/* The live block whose [address, address + size) holds an address, or SIZE_MAX. A block of
 * 0 bytes has one. */
size_t pointers_find_block(const struct pointers *pointers, uint64_t address);

/* The first block whose address is not below this one, or blocks_count. */
size_t pointers_first_block(const struct pointers *pointers, uint64_t address);

/* The content at an address, or 0. */
uint64_t pointers_content(const struct pointers *pointers, uint64_t address);

/* Whether a word of a root is glibc's malloc_state: the bins of its main arena hold
 * addresses of free chunks, each of which is 8 bytes before the usable end of the block in
 * front of it (malloc.c, "malloc_chunk details"), and says nothing about that block. To be
 * asked where a word in the allocator's module points into a block; is_glibc as above. */
bool pointers_is_chunk(const struct pointers_block *block, uint64_t value);

#endif
