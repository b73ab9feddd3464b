/* SPDX-License-Identifier: MIT */
#include "places.h"

#include <errno.h>
#include <string.h>

#include "memory.h"
#include "sys.h"

/* Mapped at once, while the ring fills. */
#define EXTEND_PLACES 8u

int places_begin(struct places *places, struct dumpfile *file, uint64_t bytes)
{
	uint64_t most = bytes / file->header->chunk_bytes;

	memset(places, 0, sizeof(*places));
	places->table = memory_map(PLACES_MOST * sizeof(*places->table));
	if (!places->table)
		return -ENOMEM;
	places->file = file;
	places->most = most < PLACES_MOST / 2 ? (uint32_t)most : PLACES_MOST / 2;
	return 0;
}

/* How many places from `first` on lie one behind the other in memory. */
static uint32_t run_length(const struct places *places, uint32_t first, uint32_t end)
{
	const uint32_t chunk_bytes = places->file->header->chunk_bytes;
	uint32_t next = first + 1;

	while (next < end &&
	       places->table[next].address == places->table[next - 1].address + chunk_bytes)
		next++;
	return next - first;
}

void places_done(struct places *places)
{
	uint32_t end, length;

	if (!places->table)
		return;
	/* The file may be another process's, which goes on with it. */
	end = __atomic_load_n(&places->file->header->chunks, __ATOMIC_RELAXED);
	for (uint32_t i = 0; i < end && i < PLACES_MOST; i += length) {
		length = 1;
		if (!places->table[i].address)
			continue;
		length = run_length(places, i, end < PLACES_MOST ? end : PLACES_MOST);
		sys_unmap(places->table[i].address,
			  (size_t)length * places->file->header->chunk_bytes);
	}
	memory_unmap(places->table, PLACES_MOST * sizeof(*places->table));
	memset(places, 0, sizeof(*places));
}

static int no_number(struct places *places)
{
	places->reason = MFT_STOP_MAP;
	return -ENOSPC;
}

int places_add(struct places *places, uint32_t count, uint32_t *ret_first)
{
	const uint32_t chunk_bytes = places->file->header->chunk_bytes;
	uint32_t first;
	uint8_t *start;
	int r;

	if (places->file->header->chunks > PLACES_MOST - 2 * count)
		return no_number(places);
	r = dumpfile_map_chunks(places->file, count, &first, &start, &places->reason);
	if (r < 0)
		return r;
	if (first > PLACES_MOST - count) {
		sys_unmap(start, (size_t)count * chunk_bytes);
		return no_number(places);
	}
	for (uint32_t i = 0; i < count; i++)
		__atomic_store_n(&places->table[first + i].address,
				 start + (size_t)i * chunk_bytes, __ATOMIC_RELEASE);
	*ret_first = first;
	return 0;
}

/* The count keeps a place that has gone and come back from being taken for one that never
 * went. */
static uint32_t pop(const struct places *places, uint64_t *list)
{
	uint64_t head = __atomic_load_n(list, __ATOMIC_ACQUIRE), next;

	do {
		if ((uint32_t)head == PLACES_NONE)
			return PLACES_NONE;
		next = ((head >> 32) + 1) << 32 |
		       __atomic_load_n(&places->table[(uint32_t)head].next_free,
				       __ATOMIC_RELAXED);
	} while (!__atomic_compare_exchange_n(list, &head, next, false, __ATOMIC_ACQ_REL,
					      __ATOMIC_ACQUIRE));
	return (uint32_t)head;
}

static void push(const struct places *places, uint64_t *list, uint32_t place)
{
	uint64_t head = __atomic_load_n(list, __ATOMIC_RELAXED), next;

	do {
		__atomic_store_n(&places->table[place].next_free, (uint32_t)head,
				 __ATOMIC_RELAXED);
		next = ((head >> 32) + 1) << 32 | place;
	} while (!__atomic_compare_exchange_n(list, &head, next, false, __ATOMIC_ACQ_REL,
					      __ATOMIC_RELAXED));
}

uint32_t places_pop(struct places *places)
{
	uint32_t place = pop(places, &places->free);

	if (place != PLACES_NONE)
		__atomic_fetch_sub(&places->free_count, 1, __ATOMIC_RELAXED);
	return place;
}

void places_push(struct places *places, uint32_t place)
{
	push(places, &places->free, place);
	__atomic_fetch_add(&places->free_count, 1, __ATOMIC_RELAXED);
}

/* Counts the places in that are about to be added. Returns how many that may be. */
static uint32_t claim(struct places *places, bool beyond)
{
	uint32_t used = __atomic_load_n(&places->used, __ATOMIC_RELAXED), more;

	do {
		uint32_t most = __atomic_load_n(&places->most, __ATOMIC_RELAXED);

		if (beyond)
			more = 1;
		else if (used >= most)
			return 0;
		else
			more = most - used < EXTEND_PLACES ? most - used : EXTEND_PLACES;
	} while (!__atomic_compare_exchange_n(&places->used, &used, used + more, false,
					      __ATOMIC_RELAXED, __ATOMIC_RELAXED));
	return more;
}

int places_extend(struct places *places, bool beyond, uint32_t *ret_place)
{
	uint32_t more = claim(places, beyond), first;
	int r;

	if (more == 0)
		return -EAGAIN;
	first = pop(places, &places->retired);
	if (first != PLACES_NONE) {
		__atomic_fetch_sub(&places->used, more - 1, __ATOMIC_RELAXED);
		more = 1;
		r = dumpfile_fill_hole(places->file, first);
	} else {
		r = places_add(places, more, &first);
	}
	if (r < 0) {
		__atomic_fetch_sub(&places->used, more, __ATOMIC_RELAXED);
		return r;
	}
	for (uint32_t i = more - 1; i > 0; i--)
		places_push(places, first + i);
	*ret_place = first;
	return 0;
}

void places_settle(struct places *places)
{
	uint32_t used = __atomic_load_n(&places->used, __ATOMIC_RELAXED);

	if (used < __atomic_load_n(&places->most, __ATOMIC_RELAXED))
		__atomic_store_n(&places->most, used, __ATOMIC_RELAXED);
}

uint32_t places_take_out(struct places *places)
{
	uint32_t place = places_pop(places);

	if (place != PLACES_NONE) {
		__atomic_fetch_sub(&places->used, 1, __ATOMIC_RELAXED);
		__atomic_fetch_sub(&places->most, 1, __ATOMIC_RELAXED);
	}
	return place;
}

uint32_t places_excess(const struct places *places)
{
	uint32_t used = __atomic_load_n(&places->used, __ATOMIC_RELAXED);
	uint32_t most = __atomic_load_n(&places->most, __ATOMIC_RELAXED);

	return used > most ? used - most : 0;
}

void places_retire(struct places *places, uint32_t place)
{
	places_wipe(places, place);
	dumpfile_punch_hole(places->file, place);
	push(places, &places->retired, place);
	__atomic_fetch_sub(&places->used, 1, __ATOMIC_RELAXED);
}

void places_wipe(const struct places *places, uint32_t place)
{
	uint8_t *start = places_address(places, place);
	struct mft_chunk *chunk = (struct mft_chunk *)(void *)start;
	const size_t header_bytes = sizeof(*chunk);

	/* Without its first record a chunk has none; only then it may lose its magic. */
	__atomic_store_n(start + header_bytes, 0, __ATOMIC_RELEASE);
	__atomic_store_n(&chunk->magic, 0, __ATOMIC_RELEASE);
	memset(start, 0, places->file->header->chunk_bytes);
}
