/* SPDX-License-Identifier: MIT */
/*
 * words.h - finds the words of memory that may be addresses of the heap, and writes them.
 *
 * Guarantees: only pages marked present in the pageset are read: anonymous ones in place,
 * others by peek.h. No lock, no errno. A word that finds no place in the dump is counted.
 * Threads: one at a time. Memory: a few static buffers.
 * Source of what a table of virtual functions looks like: Itanium C++ ABI, 2.5.
 */
#ifndef WORDS_H
#define WORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mft_scan.h"

struct area;
struct areas;
struct peek;
struct pageset;
struct recorder;

/* Records of one opcode being filled. */
struct words_writer {
	uint8_t op;
	uint64_t lost;
	struct mft_encoder encoder; /* onto buffer */
	struct mft_long record;
	struct mft_scan_word last;
	uint32_t count; /* of words in buffer */
	uint8_t buffer[4096];
};

struct words {
	struct recorder *recorder;
	struct peek *peek;
	const struct areas *areas;
	const struct pageset *pages;
	size_t page_bytes;
	uintptr_t const_start, const_end; /* where read-only data of modules may be */
	uint64_t unread_pages;		  /* present, but could not be read */
	struct words_writer found;
	struct words_writer contents;
};

/* Starts. All must outlive `words`. */
void words_begin(struct words *words, struct recorder *recorder, struct peek *peek,
		 const struct areas *areas, const struct pageset *pages, size_t page_bytes);

/* Looks through the present pages of [start, end), which are on page boundaries and within
 * the area. */
void words_look(struct words *words, const struct area *area, uintptr_t start,
		uintptr_t end);

/* Writes what is still in the buffers. */
void words_end(struct words *words);

#endif
