/* SPDX-License-Identifier: MIT */
/*
 * pins.h - the account of what call sites pin: free bytes of a page, in even parts for the
 * sites with blocks on it.
 *
 * What is entered for a page is taken off again when the page changes, so sums are kept in
 * whole numbers (of 2^-40 bytes): they do not depend on the order, and nothing is left
 * behind after any number of changes.
 * Threads: one at a time. Memory: 32 bytes a site.
 */
#ifndef PINS_H
#define PINS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PINS_FRACTION_BITS 40

__extension__ typedef unsigned __int128 pins_sum;

struct pins {
	struct pins_site {
		pins_sum sum;
		uint64_t seen; /* serial of the last page that it was seen on */
	} * sites;
	size_t room;
	uint64_t serial;
};

/* An empty account is all zeros; pins_done leaves that. */
void pins_done(struct pins *pins);

/* Makes room for the sites below sites_count, whose sums are 0 as long as nothing was
 * entered for them. Returns 0 or -ENOMEM. */
int pins_make_room(struct pins *pins, size_t sites_count);

/* From here on no site has been seen. */
static inline void pins_turn_page(struct pins *pins)
{
	pins->serial++;
}

/* Whether a site is seen for the first time on the page. */
static inline bool pins_see(struct pins *pins, uint32_t site)
{
	bool is_new = pins->sites[site].seen != pins->serial;

	pins->sites[site].seen = pins->serial;
	return is_new;
}

/* The part of each of so many sites, one or more, rounded to the nearest. */
static inline int64_t pins_part(uint32_t free_bytes, uint32_t sites)
{
	uint64_t whole = (uint64_t)free_bytes << PINS_FRACTION_BITS;

	return (int64_t)((whole + sites / 2) / sites);
}

/* Enters a site's part, or takes it off again where it is negative. */
static inline void pins_enter(struct pins *pins, uint32_t site, int64_t part)
{
	pins->sites[site].sum += (pins_sum)part;
}

/* Bytes that a site pins. */
static inline double pins_bytes(const struct pins *pins, size_t site)
{
	const pins_sum sum = pins->sites[site].sum;
	const uint64_t high = (uint64_t)(sum >> 64), low = (uint64_t)sum;
	double bytes = (double)low / (double)(1ull << PINS_FRACTION_BITS);

	return high ? bytes + (double)high * (double)(1ull << (64 - PINS_FRACTION_BITS))
		    : bytes;
}

#endif
