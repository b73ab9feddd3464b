/* SPDX-License-Identifier: MIT */
/*
 * radix.h - things sorted by an address, in time that follows their number.
 *
 * Least significant digit first, so that what has one address keeps its order. Digits that
 * all addresses share need no pass: a heap's blocks take two or three.
 * Threads: none. Memory: the caller's.
 */
#ifndef RADIX_H
#define RADIX_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define RADIX_BITS 11
#define RADIX_DIGITS (1u << RADIX_BITS)

/* One pass, from `from` into `to`. */
static inline __attribute__((always_inline)) void
radix_pass(const char *from, char *to, size_t count, size_t item_bytes, unsigned shift)
{
	size_t places[RADIX_DIGITS] = {0}, place = 0;
	uint64_t address;

	for (size_t i = 0; i < count; i++) {
		memcpy(&address, from + i * item_bytes, sizeof(address));
		places[address >> shift & (RADIX_DIGITS - 1)]++;
	}
	for (size_t digit = 0; digit < RADIX_DIGITS; digit++) {
		size_t n = places[digit];

		places[digit] = place;
		place += n;
	}
	for (size_t i = 0; i < count; i++) {
		memcpy(&address, from + i * item_bytes, sizeof(address));
		memcpy(to + places[address >> shift & (RADIX_DIGITS - 1)]++ * item_bytes,
		       from + i * item_bytes, item_bytes);
	}
}

/* Sorts items that begin with their address, a uint64_t; `spare` has room for as many.
 * `differ` has a bit for each in which addresses may differ. Returns where they are then:
 * items or spare. item_bytes should be a constant, so that a copy is a few moves. */
static inline __attribute__((always_inline)) void *
radix_sort(void *items, void *spare, size_t count, size_t item_bytes, uint64_t differ)
{
	unsigned shift = 0;

	while (shift < 64 && differ >> shift) {
		void *sorted = spare;

		shift += (unsigned)__builtin_ctzll(differ >> shift);
		radix_pass(items, spare, count, item_bytes, shift);
		spare = items;
		items = sorted;
		shift += RADIX_BITS;
	}
	return items;
}

#endif
