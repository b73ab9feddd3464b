/* SPDX-License-Identifier: MIT */
#include "pointers.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "addresses.h"
#include "blocks.h"
#include "roots.h"

/* So many blocks are fetched before they are looked at. */
#define AHEAD 8

void pointers_done(struct pointers *pointers)
{
	free(pointers->roots);
	free(pointers->words);
	free(pointers->contents);
	free(pointers->blocks);
	memset(pointers, 0, sizeof(*pointers));
}

/* Makes room for one more item. Returns 0 or -ENOMEM. */
static int make_room(void **items, size_t count, size_t *room, size_t item_bytes)
{
	size_t larger = *room ? *room + *room / 2 : 64;
	void *moved;

	if (count < *room)
		return 0;
	moved = reallocarray(*items, larger, item_bytes);
	if (!moved)
		return -ENOMEM;
	*items = moved;
	*room = larger;
	return 0;
}

#define MAKE_ROOM(pointers, what)                                                          \
	make_room((void **)&(pointers)->what, (pointers)->what##_count,                    \
		  &(pointers)->what##_room, sizeof(*(pointers)->what))

int pointers_add_root(struct pointers *pointers, const struct pointers_root *root)
{
	int r = MAKE_ROOM(pointers, roots);

	if (r == 0)
		pointers->roots[pointers->roots_count++] = *root;
	return r;
}

int pointers_add_word(struct pointers *pointers, uint64_t address, uint64_t value)
{
	size_t n = pointers->words_count;
	int r = MAKE_ROOM(pointers, words);

	if (r < 0)
		return r;
	if (n && pointers->words[n - 1].address >= address)
		pointers->words_unsorted = true;
	pointers->words[n] = (struct pointers_word){address, value};
	pointers->words_count++;
	return 0;
}

int pointers_add_content(struct pointers *pointers, uint64_t address, uint64_t value)
{
	size_t n = pointers->contents_count;
	int r = MAKE_ROOM(pointers, contents);

	if (r < 0)
		return r;
	if (n && pointers->contents[n - 1].address >= address)
		pointers->contents_unsorted = true;
	pointers->contents[n] = (struct pointers_word){address, value};
	pointers->contents_count++;
	return 0;
}

int pointers_add_block(struct pointers *pointers, const struct pointers_block *block)
{
	int r = MAKE_ROOM(pointers, blocks);

	if (r == 0)
		pointers->blocks[pointers->blocks_count++] = *block;
	return r;
}

/* The addresses of all live blocks, in order; the caller's. */
static int gather_addresses(const struct blocks *blocks, uint64_t **ret_addresses)
{
	uint64_t *addresses = malloc((blocks->count + 1) * sizeof(*addresses));
	size_t count = 0;
	int r;

	if (!addresses)
		return -ENOMEM;
	for (size_t i = 0; i < blocks_slots(blocks); i++)
		if (blocks->slots[i].address)
			addresses[count++] = blocks->slots[i].address;
	r = addresses_sort(addresses, count);
	if (r < 0)
		free(addresses);
	else
		*ret_addresses = addresses;
	return r;
}

int pointers_add_blocks(struct pointers *pointers, const struct blocks *blocks)
{
	size_t room = pointers->blocks_count + blocks->count;
	struct pointers_block *items =
		reallocarray(pointers->blocks, room + 1, sizeof(*items));
	uint64_t *addresses;
	int r;

	if (!items)
		return -ENOMEM;
	pointers->blocks = items;
	pointers->blocks_room = room + 1;
	r = gather_addresses(blocks, &addresses);
	if (r < 0)
		return r;
	for (size_t i = 0; i < blocks->count; i++) {
		const struct block *block;

		if (i + AHEAD < blocks->count)
			blocks_prefetch(blocks, addresses[i + AHEAD]);
		block = blocks_find(blocks, addresses[i]);
		items[pointers->blocks_count++] = (struct pointers_block){
			.address = block->address,
			.size = block->size,
			.usable = block->usable,
			.birth = block->birth,
			.site = block->site,
			.thread = block->thread,
		};
	}
	free(addresses);
	return 0;
}

/* ---- Order ------------------------------------------------------------------------- */

static int by_address(const void *a, const void *b)
{
	const struct pointers_word *left = a, *right = b;

	return (left->address > right->address) - (left->address < right->address);
}

static int by_block(const void *a, const void *b)
{
	const struct pointers_block *left = a, *right = b;

	return (left->address > right->address) - (left->address < right->address);
}

/* Sorts words and leaves one at each address. Returns how many there are. */
static size_t sort_words(struct pointers_word *words, size_t count)
{
	size_t kept = 0;

	qsort(words, count, sizeof(*words), by_address);
	for (size_t i = 0; i < count; i++)
		if (kept == 0 || words[kept - 1].address != words[i].address)
			words[kept++] = words[i];
	return kept;
}

static void sort_blocks(struct pointers *pointers)
{
	struct pointers_block *blocks = pointers->blocks;
	size_t kept = 0;
	bool sorted = true;

	for (size_t i = 1; sorted && i < pointers->blocks_count; i++)
		sorted = blocks[i - 1].address < blocks[i].address;
	if (!sorted)
		qsort(blocks, pointers->blocks_count, sizeof(*blocks), by_block);
	for (size_t i = 0; i < pointers->blocks_count; i++)
		if (kept == 0 || blocks[kept - 1].address != blocks[i].address)
			blocks[kept++] = blocks[i];
	pointers->blocks_count = kept;
}

/* ---- Looking up -------------------------------------------------------------------- */

const struct pointers_root *pointers_find_root(const struct pointers *pointers,
					       uint64_t address)
{
	size_t low = 0, high = pointers->roots_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (pointers->roots[middle].end <= address)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == pointers->roots_count || pointers->roots[low].start > address)
		return NULL;
	return &pointers->roots[low];
}

/* The first block whose address is greater. */
static size_t find_above(const struct pointers *pointers, uint64_t address)
{
	size_t low = 0, high = pointers->blocks_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (pointers->blocks[middle].address <= address)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

size_t pointers_find_block(const struct pointers *pointers, uint64_t address)
{
	size_t above = find_above(pointers, address);
	const struct pointers_block *block;

	if (above == 0)
		return SIZE_MAX;
	block = &pointers->blocks[above - 1];
	if (address - block->address >= (block->size ? block->size : 1))
		return SIZE_MAX;
	return above - 1;
}

uint64_t pointers_content(const struct pointers *pointers, uint64_t address)
{
	const struct pointers_word key = {.address = address};
	const struct pointers_word *found = NULL;

	if (pointers->contents_count)
		found = bsearch(&key, pointers->contents, pointers->contents_count,
				sizeof(key), by_address);
	return found ? found->value : 0;
}

bool pointers_is_chunk(const struct pointers_block *block, uint64_t value)
{
	return value == block->address + block->usable - 8;
}

size_t pointers_first_block(const struct pointers *pointers, uint64_t address)
{
	return address ? find_above(pointers, address - 1) : 0;
}

/* ---- Sealing ----------------------------------------------------------------------- */

int pointers_seal(struct pointers *pointers, uint32_t page_bytes, bool is_glibc)
{
	if (pointers->words_unsorted)
		pointers->words_count = sort_words(pointers->words, pointers->words_count);
	if (pointers->contents_unsorted)
		pointers->contents_count =
			sort_words(pointers->contents, pointers->contents_count);
	pointers->words_unsorted = pointers->contents_unsorted = false;
	sort_blocks(pointers);
	return roots_settle(pointers, page_bytes, is_glibc);
}
