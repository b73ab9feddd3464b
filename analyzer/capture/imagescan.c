/* SPDX-License-Identifier: MIT */
#include "imagescan.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "image.h"
#include "pointers.h"

#define BUFFER_BYTES (1u << 20)

/* A leaf function may use so much below its stack pointer (System V ABI, AMD64, 3.2.2). */
#if defined(__x86_64__)
#define RED_ZONE_BYTES 128u
#else
#define RED_ZONE_BYTES 0u
#endif

/* glibc, arena.c: heaps of arenas begin at multiples of this and are not larger. */
#define ARENA_BYTES ((uint64_t)64 << 20)

/* Numbers that may be the count or the length in front of a block's contents. */
#define COUNT_LIMIT ((uint64_t)1 << 40)
#define COUNT_WORDS 3u

struct ranges {
	struct image_run *items;
	size_t count;
	uint64_t low, span; /* all of them lie within */
};

struct scan {
	const struct image *image;
	struct pointers *pointers;
	struct ranges targets, consts;
	uint64_t *buffer;
};

/* ---- Ranges ----------------------------------------------------------------------- */

static bool is_const(const struct image_mapping *mapping)
{
	return mapping->kind == IMAGE_CONST;
}

/* The mappings that `wanted` takes, neighbours joined. */
static int ranges_init(struct ranges *ranges, const struct image *image,
		       bool (*wanted)(const struct image_mapping *))
{
	ranges->items = calloc(image->mappings_count + 1, sizeof(*ranges->items));
	if (!ranges->items)
		return -ENOMEM;
	for (size_t i = 0; i < image->mappings_count; i++) {
		const struct image_mapping *m = &image->mappings[i];

		if (!wanted(m))
			continue;
		if (ranges->count && ranges->items[ranges->count - 1].end == m->start)
			ranges->items[ranges->count - 1].end = m->end;
		else
			ranges->items[ranges->count++] =
				(struct image_run){m->start, m->end};
	}
	if (ranges->count) {
		ranges->low = ranges->items[0].start;
		ranges->span = ranges->items[ranges->count - 1].end - ranges->low;
	}
	return 0;
}

/* Nearly all words are outside of all of them, and found so by one comparison. */
static inline bool ranges_hold(const struct ranges *ranges, uint64_t value)
{
	size_t low = 0, high = ranges->count;

	if (value - ranges->low >= ranges->span)
		return false;
	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (ranges->items[middle].end <= value)
			low = middle + 1;
		else
			high = middle;
	}
	return ranges->items[low].start <= value;
}

/* ---- Words ------------------------------------------------------------------------ */

static int take_words(struct scan *scan, uint64_t address, const uint64_t *words,
		      size_t count, bool in_heap)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < count; i++) {
		uint64_t value = words[i];

		if (ranges_hold(&scan->targets, value))
			r = pointers_add_word(scan->pointers, address + 8 * i, value);
		else if (in_heap && ranges_hold(&scan->consts, value))
			r = pointers_add_content(scan->pointers, address + 8 * i, value);
	}
	return r;
}

/* Looks at one run of pages. Pages that vanish meanwhile count as absent. */
static int take_run(struct scan *scan, const struct image_mapping *mapping,
		    const struct image_run *run)
{
	const struct image *image = scan->image;
	uint64_t address = run->start;

	while (address < run->end) {
		size_t bytes = BUFFER_BYTES;
		int64_t got;
		int r;

		if (bytes > run->end - address)
			bytes = (size_t)(run->end - address);
		got = image->read(image->context, scan->buffer, bytes, address);
		if (got < 8) {
			scan->pointers->absent_pages++;
			address += image->page_bytes;
			continue;
		}
		r = take_words(scan, address, scan->buffer, (size_t)got / 8,
			       image_is_target(mapping));
		if (r < 0)
			return r;
		address += (uint64_t)got & ~7ull;
	}
	return 0;
}

static int take_memory(struct scan *scan)
{
	const struct image *image = scan->image;
	int r = 0;

	for (size_t i = 0; r == 0 && i < image->mappings_count; i++) {
		const struct image_mapping *m = &image->mappings[i];

		if (m->kind == IMAGE_CONST)
			continue;
		scan->pointers->absent_pages += m->absent_pages;
		for (size_t j = 0; r == 0 && j < m->runs; j++)
			r = take_run(scan, m, &image->runs[m->first_run + j]);
	}
	return r;
}

/* ---- Counts in front of arrays and strings ---------------------------------------- */

static int by_value(const void *a, const void *b)
{
	const uint64_t *left = a, *right = b;

	return (*left > *right) - (*left < *right);
}

/* Adds the numbers in front of the addresses, which lie close together: the buffer has room
 * for all between. */
static int take_counts(struct scan *scan, const uint64_t *addresses, size_t count)
{
	const uint64_t start = addresses[0] - 8 * COUNT_WORDS;
	const size_t bytes = (size_t)(addresses[count - 1] - start);
	int64_t got = scan->image->read(scan->image->context, scan->buffer, bytes, start);
	int r = 0;

	for (size_t i = 0; r == 0 && i < count; i++) {
		size_t at = (size_t)(addresses[i] - start) / 8;

		for (size_t back = COUNT_WORDS; r == 0 && back > 0; back--) {
			uint64_t value;

			if (got < (int64_t)(at - back + 1) * 8)
				break;
			value = scan->buffer[at - back];
			if (value > 0 && value < COUNT_LIMIT)
				r = pointers_add_content(scan->pointers,
							 addresses[i] - 8 * back, value);
		}
	}
	return r;
}

/* The addresses that are 8 more than a multiple of 16 among the words' values: in order,
 * each once. Returns how many, or -ENOMEM. */
static int64_t odd_addresses(const struct pointers *pointers, uint64_t **ret_addresses)
{
	uint64_t *addresses;
	size_t count = 0, kept = 0;

	for (size_t i = 0; i < pointers->words_count; i++)
		count += pointers->words[i].value % 16 == 8;
	addresses = calloc(count + 1, sizeof(*addresses));
	if (!addresses)
		return -ENOMEM;
	count = 0;
	for (size_t i = 0; i < pointers->words_count; i++) {
		if (pointers->words[i].value % 16 == 8)
			addresses[count++] = pointers->words[i].value;
	}
	qsort(addresses, count, sizeof(*addresses), by_value);
	for (size_t i = 0; i < count; i++) {
		if (kept == 0 || addresses[kept - 1] != addresses[i])
			addresses[kept++] = addresses[i];
	}
	*ret_addresses = addresses;
	return (int64_t)kept;
}

static int take_all_counts(struct scan *scan)
{
	uint64_t *addresses;
	int64_t count = odd_addresses(scan->pointers, &addresses);
	size_t i = 0, next;
	int r = 0;

	if (count < 0)
		return (int)count;
	for (; r == 0 && i < (size_t)count; i = next) {
		/* Gaps of up to a page are cheaper to read than to leave out. */
		for (next = i + 1;
		     next < (size_t)count && addresses[next] - addresses[next - 1] < 4096 &&
		     addresses[next] - addresses[i] < BUFFER_BYTES - 64;
		     next++)
			;
		r = take_counts(scan, addresses + i, next - i);
	}
	free(addresses);
	return r;
}

/* ---- Roots ------------------------------------------------------------------------ */

/* glibc's heap_info at the beginning of a further arena's heap: arena, the heap before,
 * size, and how much of the heap's address space may be used (arena.c). */
static bool is_arena(const struct image *image, uint64_t start, uint64_t end)
{
	uint64_t info[4];

	return image->read(image->context, info, sizeof(info), start) ==
		       (int64_t)sizeof(info) &&
	       info[0] % 16 == 0 && info[0] != 0 && info[2] <= info[3] &&
	       info[3] <= ARENA_BYTES && info[2] % image->page_bytes == 0 &&
	       info[2] >= image->page_bytes && info[3] <= end - start;
}

static int add_root(struct scan *scan, enum mft_root_kind kind, uint64_t start,
		    uint64_t end, uint32_t tid)
{
	const struct pointers_root root = {
		.start = start,
		.end = end,
		.kind = kind,
		.module = POINTERS_NONE,
		.tid = tid,
	};

	return start < end ? pointers_add_root(scan->pointers, &root) : 0;
}

/* The lowest stack pointer of a thread in a mapping, or 0: none is there. */
static uint64_t lowest_stack(const struct image *image, const struct image_mapping *m)
{
	uint64_t lowest = 0;

	for (size_t i = 0; i < image->threads_count; i++) {
		uint64_t stack = image->threads[i].stack;

		if (stack >= m->start && stack < m->end && (!lowest || stack < lowest))
			lowest = stack;
	}
	return lowest;
}

/* Adds what of a mapping lies before the heaps of arenas in one of its runs, and sets
 * *start to what is behind the last of these. */
static int add_before_arenas(struct scan *scan, const struct image_mapping *m,
			     const struct image_run *run, uint64_t *start)
{
	uint64_t at = run->start > *start ? run->start : *start;
	int r = 0;

	if (at > UINT64_MAX - ARENA_BYTES)
		return 0;
	at = (at + ARENA_BYTES - 1) & ~(ARENA_BYTES - 1);
	while (r == 0 && at < run->end) {
		if (is_arena(scan->image, at, m->end)) {
			r = add_root(scan, MFT_ROOT_MAPPING, *start, at, POINTERS_NONE);
			*start = m->end - at < ARENA_BYTES ? m->end : at + ARENA_BYTES;
		}
		if (run->end - at <= ARENA_BYTES)
			break;
		at += ARENA_BYTES;
	}
	return r;
}

/* A mapping without the heaps of arenas in it. What is below a stack pointer is dead. Heaps
 * are looked for where there is something to read: mappings may be of any size. */
static int add_mapping_roots(struct scan *scan, const struct image_mapping *m)
{
	uint64_t start = lowest_stack(scan->image, m);
	int r = 0;

	start = start ? start : m->start;
	for (size_t i = 0; r == 0 && i < m->runs; i++)
		r = add_before_arenas(scan, m, &scan->image->runs[m->first_run + i],
				      &start);
	if (r == 0)
		r = add_root(scan, MFT_ROOT_MAPPING, start, m->end, POINTERS_NONE);
	return r;
}

static int add_memory_roots(struct scan *scan)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < scan->image->mappings_count; i++) {
		const struct image_mapping *m = &scan->image->mappings[i];

		switch (m->kind) {
		case IMAGE_MODULE:
			r = add_root(scan, MFT_ROOT_MODULE, m->start, m->end,
				     POINTERS_NONE);
			break;
		case IMAGE_ANON:
		case IMAGE_OTHER:
			r = add_mapping_roots(scan, m);
			break;
		case IMAGE_MAIN_STACK: /* from its thread's stack pointer up */
		case IMAGE_BRK:
		case IMAGE_CONST:
			break;
		}
	}
	return r;
}

/* Where the stack pointer is not known, all of a stack is taken to be in use. */
static uint64_t find_stack(const struct image *image, const struct image_thread *thread,
			   const struct image_mapping **ret_mapping)
{
	uint64_t stack = thread->stack;

	*ret_mapping = stack ? image_find(image, stack) : NULL;
	for (size_t i = 0; !*ret_mapping && i < image->mappings_count; i++) {
		if (image->mappings[i].kind == IMAGE_MAIN_STACK)
			*ret_mapping = &image->mappings[i];
	}
	if (!*ret_mapping)
		return 0;
	if (stack < (*ret_mapping)->start || stack >= (*ret_mapping)->end)
		return (*ret_mapping)->start;
	stack = (stack & ~7ull) - RED_ZONE_BYTES;
	return stack < (*ret_mapping)->start ? (*ret_mapping)->start : stack;
}

static int add_thread(struct scan *scan, size_t index)
{
	const struct image_thread *thread = &scan->image->threads[index];
	const uint64_t base = IMAGESCAN_REGISTERS + index * IMAGESCAN_STRIDE;
	const struct image_mapping *mapping;
	uint64_t stack = find_stack(scan->image, thread, &mapping);
	int r = 0;

	if (mapping && mapping->kind != IMAGE_CONST && mapping->kind != IMAGE_MODULE)
		r = add_root(scan, MFT_ROOT_STACK, stack, mapping->end,
			     (uint32_t)thread->tid);
	if (r == 0)
		r = add_root(scan, MFT_ROOT_REGISTERS, base,
			     base + 8 * thread->registers_count, (uint32_t)thread->tid);
	if (r == 0)
		r = take_words(scan, base, thread->registers, thread->registers_count,
			       false);
	scan->pointers->threads_running += !thread->stopped;
	return r;
}

int imagescan_run(const struct image *image, struct pointers *pointers)
{
	struct scan scan = {.image = image, .pointers = pointers};
	int r = ranges_init(&scan.targets, image, image_is_target);

	if (r == 0)
		r = ranges_init(&scan.consts, image, is_const);
	scan.buffer = malloc(BUFFER_BYTES);
	if (r == 0 && !scan.buffer)
		r = -ENOMEM;
	if (r == 0)
		r = add_memory_roots(&scan);
	if (r == 0)
		r = take_memory(&scan);
	pointers->threads = (uint32_t)image->threads_count;
	for (size_t i = 0; r == 0 && i < image->threads_count; i++)
		r = add_thread(&scan, i);
	if (r == 0)
		r = take_all_counts(&scan);
	if (pointers->threads_running)
		pointers->flags |= MFT_SCAN_THREADS;
	if (pointers->absent_pages)
		pointers->flags |= MFT_SCAN_PAGES;
	free(scan.targets.items);
	free(scan.consts.items);
	free(scan.buffer);
	return r;
}
