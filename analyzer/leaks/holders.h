/* SPDX-License-Identifier: MIT */
/*
 * holders.h - each block of a scan with the pointer that holds it, for the profile.
 *
 * Threads: one at a time. Memory: 64 bytes a block, the profile's.
 */
#ifndef HOLDERS_H
#define HOLDERS_H

#include <stdint.h>

struct graph;
struct lost;
struct profile_leaks;
struct reach;

/* Fills in the blocks and roots of `leaks`. kinds: by block, enum profile_leak_kind.
 * Returns 0 or -ENOMEM. */
int holders_list(const struct graph *graph, const struct reach *reach,
		 const struct lost *lost, const uint8_t *kinds, uint64_t unit_ns,
		 struct profile_leaks *leaks);

#endif
