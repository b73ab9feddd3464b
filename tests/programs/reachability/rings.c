/* SPDX-License-Identifier: MIT */
/*
 * Cycles of lost blocks: a block that holds itself, pairs, rings, a figure eight, a ring
 * with a chain to it and a tree on it, two rings of which one holds the other; and a ring
 * that is reachable, which is nobody's leak. Tells the addresses of each lost ring's blocks
 * in the order in which they point to each other.
 */
#include <stdio.h>

#include "leak_case.h"

enum {
	BYTES = 56
};

static void *volatile kept;
static char told[4096];
static size_t told_length;

static void tell(const char *format, unsigned long long address)
{
	told_length += (size_t)snprintf(told + told_length, sizeof(told) - told_length,
					format, address);
	if (told_length >= sizeof(told))
		abort();
}

/* Adds a ring to what is told, as digits, which hold no block. */
static void tell_ring(void *const *nodes, size_t count)
{
	tell(told_length ? ", [" : "[[", 0);
	for (size_t i = 0; i < count; i++)
		tell(i ? ", %llu" : "%llu", (uintptr_t)nodes[i]);
	tell("]", 0);
}

/* A ring of `count` blocks, at most 8, each with its pointer in the second word. */
static LEAK_SITE void ring(void **nodes, size_t count, enum leak_kind first,
			   enum leak_kind others)
{
	for (size_t i = 0; i < count; i++)
		nodes[i] = leak_block(BYTES, i ? others : first);
	for (size_t i = 0; i < count; i++)
		leak_put(nodes[i], 1, nodes[(i + 1) % count]);
	if (others != LEAK_REACHABLE)
		tell_ring(nodes, count);
}

static LEAK_SITE void self_loop(void)
{
	void *nodes[1];

	ring(nodes, 1, LEAK_DEFINITE, LEAK_INDIRECT);
}

static LEAK_SITE void pair(void)
{
	void *nodes[2];

	ring(nodes, 2, LEAK_DEFINITE, LEAK_INDIRECT);
}

static LEAK_SITE void ring_of_five(void)
{
	void *nodes[5];

	ring(nodes, 5, LEAK_DEFINITE, LEAK_INDIRECT);
}

static LEAK_SITE void figure_eight(void)
{
	void *left[3], *right[3];

	ring(left, 3, LEAK_DEFINITE, LEAK_INDIRECT);
	right[0] = left[0];
	for (size_t i = 1; i < 3; i++)
		right[i] = leak_block(BYTES, LEAK_INDIRECT);
	for (size_t i = 0; i < 3; i++)
		leak_put(right[i], 2, right[(i + 1) % 3]);
}

static LEAK_SITE void chain_to_ring(void)
{
	void *nodes[3], *first, *second;

	/* Sizes of one class: memcheck goes by address, and would call the ring a leak of
	 * its own if it lay before the chain. */
	first = leak_block(BYTES, LEAK_DEFINITE);
	second = leak_block(BYTES, LEAK_INDIRECT);
	ring(nodes, 3, LEAK_INDIRECT, LEAK_INDIRECT);
	leak_put(first, 0, second);
	leak_put(second, 0, nodes[1]);
	leak_put(nodes[2], 3, leak_block(42, LEAK_INDIRECT));
}

static LEAK_SITE void ring_holds_ring(void)
{
	void *inner[2], *outer[2];

	ring(inner, 2, LEAK_INDIRECT, LEAK_INDIRECT);
	ring(outer, 2, LEAK_DEFINITE, LEAK_INDIRECT);
	leak_put(outer[1], 3, inner[0]);
}

static LEAK_SITE void reachable_ring(void)
{
	void *nodes[4];

	ring(nodes, 4, LEAK_REACHABLE, LEAK_REACHABLE);
	kept = nodes[2];
}

static LEAK_SITE void build(void)
{
	self_loop();
	pair();
	ring_of_five();
	figure_eight();
	chain_to_ring();
	ring_holds_ring();
	reachable_ring();
}

int main(void)
{
	build();
	leak_scrub();
	tell("]", 0);
	leak_print(told);
	return 0;
}
