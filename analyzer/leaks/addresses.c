/* SPDX-License-Identifier: MIT */
#include "addresses.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define DIGIT_BITS 11
#define DIGITS (1u << DIGIT_BITS)

/* One pass of a sort by the least significant digit first: stable. */
static void sort_by_digit(const uint64_t *from, uint64_t *to, size_t count, unsigned shift)
{
	size_t places[DIGITS] = {0}, place = 0;

	for (size_t i = 0; i < count; i++)
		places[from[i] >> shift & (DIGITS - 1)]++;
	for (size_t d = 0; d < DIGITS; d++) {
		size_t n = places[d];

		places[d] = place;
		place += n;
	}
	for (size_t i = 0; i < count; i++)
		to[places[from[i] >> shift & (DIGITS - 1)]++] = from[i];
}

int addresses_sort(uint64_t *addresses, size_t count)
{
	uint64_t *from = addresses, *to, *spare, differ = 0;

	for (size_t i = 0; i < count; i++)
		differ |= addresses[i] ^ addresses[0];
	spare = to = malloc((count + 1) * sizeof(*spare));
	if (!spare)
		return -ENOMEM;
	/* Digits that all share need no pass. */
	for (unsigned shift = 0; shift < 64; shift += DIGIT_BITS) {
		uint64_t *sorted = to;

		if (!(differ >> shift & (DIGITS - 1)))
			continue;
		sort_by_digit(from, to, count, shift);
		to = from;
		from = sorted;
	}
	if (from != addresses)
		memcpy(addresses, from, count * sizeof(*addresses));
	free(spare);
	return 0;
}
