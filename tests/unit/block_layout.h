/* SPDX-License-Identifier: MIT */
/*
 * block_layout.h - blocks and pointers laid out by hand, for tests of what leaks.
 *
 * Block n lies at LAYOUT_AT(n) and is of site n. Guarantees: whatever cannot be laid out
 * fails the test that asked for it. Memory: layout_end frees all.
 */
#ifndef BLOCK_LAYOUT_H
#define BLOCK_LAYOUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "graph.h"
#include "lost.h"
#include "pointers.h"
#include "profile.h"
#include "reach.h"

#define LAYOUT_ROOT 0x10000u /* a root of a page */
#define LAYOUT_HEAP 0x7f0000000000ull
#define LAYOUT_SITES 64u
#define LAYOUT_AT(n) (LAYOUT_HEAP + (uint64_t)(n)*0x100)

struct layout {
	struct pointers pointers;
	struct graph graph;
	struct reach reach;
	struct lost lost;
	struct profile_leaks leaks;
	bool is_glibc, is_fork;
};

/* Set-up and tear-down of a cmocka test; *state is the layout, with its root. */
int layout_begin(void **state);
int layout_end(void **state);

/* One block, with 8 bytes more than `size` usable; and blocks 0 to count - 1 of 64 bytes.
 */
void layout_block(struct layout *layout, unsigned n, uint64_t size);
void layout_blocks(struct layout *layout, unsigned count);

/* A word of memory that may be a pointer; and one that is kept for what it says. */
void layout_word(struct layout *layout, uint64_t address, uint64_t value);
void layout_content(struct layout *layout, uint64_t address, uint64_t value);

/* Block a's word number w points to the start of block b. */
void layout_link(struct layout *layout, unsigned a, unsigned w, unsigned b);

/* Finds out what leaks. Nothing can be laid out afterwards. */
void layout_solve(struct layout *layout);

/* Solves, and expects a letter for each block: R, P, I, D. */
void layout_expect(struct layout *layout, const char *kinds);

/* What a lost block retains, bytes. */
uint64_t layout_retained(const struct layout *layout, uint32_t block);

#endif
