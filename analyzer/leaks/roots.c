/* SPDX-License-Identifier: MIT */
#include "roots.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "pointers.h"
#include "regions.h"

struct ranges {
	struct pointers_root *items; /* in order, apart from each other */
	size_t count, room;
};

static int append(struct ranges *ranges, const struct pointers_root *item)
{
	if (item->start >= item->end)
		return 0;
	if (ranges->count == ranges->room) {
		size_t room = ranges->room ? 2 * ranges->room : 64;
		struct pointers_root *items =
			reallocarray(ranges->items, room, sizeof(*items));

		if (!items)
			return -ENOMEM;
		ranges->items = items;
		ranges->room = room;
	}
	ranges->items[ranges->count++] = *item;
	return 0;
}

/* Appends what is left of an item without `away`, whose items are in order. *position, 0
 * before the first, is where to look: the items come in order, too. */
static int append_rest(struct ranges *ranges, const struct pointers_root *item,
		       const struct ranges *away, size_t *position)
{
	struct pointers_root rest = *item;
	int r = 0;

	while (*position < away->count && away->items[*position].end <= item->start)
		(*position)++;
	for (size_t i = *position;
	     r == 0 && i < away->count && away->items[i].start < item->end; i++) {
		struct pointers_root piece = rest;

		piece.end = away->items[i].start;
		r = append(ranges, &piece);
		if (rest.start < away->items[i].end)
			rest.start = away->items[i].end;
	}
	return r < 0 ? r : append(ranges, &rest);
}

static int by_start(const void *a, const void *b)
{
	const struct pointers_root *left = a, *right = b;

	return (left->start > right->start) - (left->start < right->start);
}

/* ---- The allocator's memory -------------------------------------------------------- */

/* glibc, malloc.c: a chunk with a mapping of its own ends with its last page, any other
 * ends 8 bytes before its successor's first block. */
static bool has_own_mapping(const struct pointers_block *block, uint32_t page_bytes)
{
	return (block->address + block->usable) % page_bytes == 0;
}

/* Where the part of glibc's heap that a block is in begins and ends, within a mapping. */
static struct pointers_root find_extent(const struct pointers_root *mapping,
					const struct pointers_block *block,
					uint32_t page_bytes)
{
	struct pointers_root extent = *mapping;
	uint64_t heap = block->address & ~(REGIONS_ARENA_BYTES - 1);

	if (has_own_mapping(block, page_bytes)) {
		extent.start = (block->address - 16) & ~((uint64_t)page_bytes - 1);
		extent.end = block->address + block->usable;
	} else if (heap >= mapping->start) {
		extent.start = heap;
		extent.end = heap + REGIONS_ARENA_BYTES;
	}
	if (extent.start < mapping->start)
		extent.start = mapping->start;
	if (extent.end > mapping->end)
		extent.end = mapping->end;
	return extent;
}

/* Adds the parts of a mapping that the allocator serves blocks from, in order. */
static int find_heap(struct ranges *heap, const struct pointers *pointers,
		     const struct pointers_root *mapping, uint32_t page_bytes,
		     bool is_glibc)
{
	size_t i = pointers_first_block(pointers, mapping->start);
	int r = 0;

	while (r == 0 && i < pointers->blocks_count &&
	       pointers->blocks[i].address < mapping->end) {
		struct pointers_root extent = *mapping;

		if (is_glibc)
			extent = find_extent(mapping, &pointers->blocks[i], page_bytes);
		/* Of a damaged dump anything can be expected. */
		if (heap->count && extent.start < heap->items[heap->count - 1].end)
			extent.start = heap->items[heap->count - 1].end;
		r = append(heap, &extent);
		if (extent.end <= pointers->blocks[i].address)
			i++;
		else
			i = pointers_first_block(pointers, extent.end);
	}
	return r;
}

/* Adds the known blocks of a mapping, in order. */
static int find_blocks(struct ranges *heap, const struct pointers *pointers,
		       const struct pointers_root *mapping)
{
	size_t i = pointers_first_block(pointers, mapping->start);
	int r = 0;

	for (; r == 0 && i < pointers->blocks_count &&
	       pointers->blocks[i].address < mapping->end;
	     i++) {
		struct pointers_root block = *mapping;

		block.start = pointers->blocks[i].address;
		block.end = block.start + pointers->blocks[i].usable;
		if (heap->count && block.start < heap->items[heap->count - 1].end)
			block.start = heap->items[heap->count - 1].end;
		r = append(heap, &block);
	}
	return r;
}

/* Where a stack ends at the latest. */
static uint64_t find_stack_end(const struct pointers *pointers,
			       const struct pointers_root *stack)
{
	size_t next = pointers_first_block(pointers, stack->start + 1);
	const struct pointers_block *block = next ? &pointers->blocks[next - 1] : NULL;
	uint64_t end = stack->end;

	if (block && stack->start - block->address < block->usable)
		end = block->address + block->usable;
	else if (next < pointers->blocks_count)
		end = pointers->blocks[next].address;
	return end < stack->end ? end : stack->end;
}

/* ---- One kind after the other ------------------------------------------------------ */

/* The roots of one kind in order of address, apart from each other. */
static int take_kind(struct ranges *ranges, const struct pointers *pointers,
		     enum mft_root_kind kind)
{
	int r = 0;

	ranges->count = 0;
	for (size_t i = 0; r == 0 && i < pointers->roots_count; i++) {
		struct pointers_root root = pointers->roots[i];

		if (root.kind != kind)
			continue;
		if (kind == MFT_ROOT_STACK)
			root.end = find_stack_end(pointers, &root);
		r = append(ranges, &root);
	}
	if (r < 0 || ranges->count == 0)
		return r;
	qsort(ranges->items, ranges->count, sizeof(*ranges->items), by_start);
	for (size_t i = 0; i + 1 < ranges->count; i++) {
		struct pointers_root *one = &ranges->items[i];

		/* Of two stacks in one mapping each keeps what is above its own pointer. */
		if (one->end > one[1].start) {
			if (one->end > one[1].end)
				one[1].end = one->end;
			one->end = one[1].start;
		}
	}
	return 0;
}

/* Puts the items of `more` that do not overlap `ranges` in between. */
static int merge(struct ranges *ranges, const struct ranges *more)
{
	struct ranges both = {0};
	size_t position = 0;
	int r = 0;

	for (size_t i = 0; r == 0 && i < ranges->count; i++)
		r = append(&both, &ranges->items[i]);
	for (size_t i = 0; r == 0 && i < more->count; i++)
		r = append_rest(&both, &more->items[i], ranges, &position);
	if (r < 0) {
		free(both.items);
		return r;
	}
	if (both.count)
		qsort(both.items, both.count, sizeof(*both.items), by_start);
	free(ranges->items);
	*ranges = both;
	return 0;
}

/* The mappings, and where the process may have blocks that are not known, the heap. */
static int take_mappings(struct ranges *ranges, const struct pointers *pointers)
{
	struct ranges heap = {0};
	int r = take_kind(ranges, pointers, MFT_ROOT_MAPPING);

	if (r == 0 && pointers->inherits) {
		r = take_kind(&heap, pointers, MFT_ROOT_HEAP);
		for (size_t i = 0; i < heap.count; i++)
			heap.items[i].kind = MFT_ROOT_MAPPING;
		if (r == 0)
			r = merge(ranges, &heap);
	}
	free(heap.items);
	return r;
}

int roots_settle(struct pointers *pointers, uint32_t page_bytes, bool is_glibc)
{
	static const enum mft_root_kind order[] = {MFT_ROOT_REGISTERS, MFT_ROOT_TLS,
						   MFT_ROOT_STACK, MFT_ROOT_MODULE};
	struct ranges settled = {0}, kind = {0}, heap = {0}, left = {0};
	size_t position = 0;
	int r = 0;

	for (size_t i = 0; r == 0 && i < sizeof(order) / sizeof(order[0]); i++) {
		r = take_kind(&kind, pointers, order[i]);
		if (r == 0)
			r = merge(&settled, &kind);
	}
	if (r == 0)
		r = take_mappings(&kind, pointers);
	for (size_t i = 0; r == 0 && i < kind.count; i++)
		r = pointers->inherits ? find_blocks(&heap, pointers, &kind.items[i])
				       : find_heap(&heap, pointers, &kind.items[i],
						   page_bytes, is_glibc);
	for (size_t i = 0; r == 0 && i < kind.count; i++)
		r = append_rest(&left, &kind.items[i], &heap, &position);
	if (r == 0)
		r = merge(&settled, &left);
	free(kind.items);
	free(heap.items);
	free(left.items);
	if (r < 0) {
		free(settled.items);
		return r;
	}
	free(pointers->roots);
	pointers->roots = settled.items;
	pointers->roots_count = settled.count;
	pointers->roots_room = settled.room;
	return 0;
}
