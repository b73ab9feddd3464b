/* SPDX-License-Identifier: MIT */
/*
 * plain_heap.h - a heap of random blocks, and the same as bytes that are looked at one by
 * one.
 *
 * Guarantees: the first error fails the test; the same seed gives the same heap. Memory:
 * the caller's. Not here: what is compared with it (test_occupancy.c).
 */
#ifndef PLAIN_HEAP_H
#define PLAIN_HEAP_H

#include <stdbool.h>
#include <stdint.h>

#include "blocks.h"
#include "cells.h"
#include "occupancy.h"
#include "profile.h"
#include "spans.h"

/* On both sides of where a group of cells begins. */
#define PLAIN_START (0x40000000u - PLAIN_BYTES / 2)
#define PLAIN_BYTES (24u * 4096)
#define PLAIN_LEAST_PAGE 1024u
#define PLAIN_SITES 9u

/* What the bytes of a heap say. */
struct plain_heap {
	uint8_t owner[PLAIN_BYTES]; /* site + 1; 0: free */
	uint8_t asked[PLAIN_BYTES];
	uint8_t header[PLAIN_BYTES];
	/* By PLAIN_LEAST_PAGE; all of a page's are alike. */
	uint8_t resident[PLAIN_BYTES / PLAIN_LEAST_PAGE];
	uint8_t region_begins[PLAIN_BYTES / PLAIN_LEAST_PAGE];
	uint32_t page_bytes;
	uint64_t covered, asked_bytes, pinned, empty, headers, longest, pages[11];
	uint64_t exclusive[PLAIN_SITES], pages_of[PLAIN_SITES];
	double shared[PLAIN_SITES];
	struct profile_free_class free_runs[64];
};

struct heap_at_hand {
	struct blocks blocks;
	struct cells cells;
	struct occupancy occupancy;
	struct spans spans;
	uint64_t random;
	bool odd; /* addresses that are no multiples of 16 */
};

/* The next number of the sequence that heap->random begins. */
uint64_t plain_heap_random(struct heap_at_hand *heap);

/* Puts a block where there is room, or does nothing; takes one away, if there is one. */
void plain_heap_allocate(struct heap_at_hand *heap);
void plain_heap_release(struct heap_at_hand *heap);

/* Paints the blocks into a heap of zeros, whose page_bytes are set, and chooses pages that
 * are resident and where regions begin. */
void plain_heap_paint(struct heap_at_hand *heap, struct plain_heap *plain);

/* Sets all sums, by looking at every byte. */
void plain_heap_look(struct plain_heap *plain);

#endif
