/* SPDX-License-Identifier: MIT */
/*
 * pins.h - the account of what call sites pin: free bytes of a page, in even parts for the
 * sites with blocks on it.
 *
 * What is entered for a page is taken off again when the page changes, so sums are kept in
 * whole numbers (of 2^-40 bytes): they do not depend on the order, and nothing is left
 * behind after any number of changes.
 * Threads: one at a time. Memory: 16 bytes a site.
 */
#ifndef PINS_H
#define PINS_H

#include <stddef.h>
#include <stdint.h>

#define PINS_NO_SITE UINT32_MAX

__extension__ typedef unsigned __int128 pins_sum;

struct pins {
	pins_sum *sums; /* by site */
	size_t room;
};

/* What is entered for one page. The list of its sites is elsewhere. */
struct pins_entry {
	uint32_t other; /* one more site, or PINS_NO_SITE */
	uint16_t free_bytes;
	uint16_t parts; /* sites, the other one included; 0: nothing is entered */
};

/* An empty account is all zeros; pins_done leaves that. */
void pins_done(struct pins *pins);

/* Makes room for the sites below sites_count, whose sums are 0 as long as nothing was
 * entered for them. Returns 0 or -ENOMEM. */
int pins_make_room(struct pins *pins, size_t sites_count);

/* Enters free_bytes for the sites of a page, distinct ones, and `other`, which may be one
 * of them, none or PINS_NO_SITE. Room has been made for all. */
void pins_enter(struct pins *pins, const uint32_t *sites, size_t count, uint32_t other,
		uint16_t free_bytes, struct pins_entry *ret_entry);

/* Takes an entry off, if there is one; the sites are those that it was entered with. */
void pins_take_off(struct pins *pins, const uint32_t *sites, size_t count,
		   struct pins_entry *entry);

/* Bytes that a site pins. */
double pins_bytes(const struct pins *pins, size_t site);

#endif
