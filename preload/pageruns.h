/* SPDX-License-Identifier: MIT */
/*
 * pageruns.h - which pages of one mapping are resident, as records of a snapshot.
 *
 * Pages are looked at in /proc/self/pagemap; of large mappings the kernel is asked for the
 * runs of resident ones (pagescan.h), as most of their pages may not be there. What does
 * not fit into one record goes on in another. Guarantees: no allocation, no lock. Threads:
 * one at a time, the one that takes the snapshot. Memory: static, see pageruns_touch. Not
 * here: which mappings count (snapshot.h). Source: Linux,
 * Documentation/admin-guide/mm/pagemap.rst.
 */
#ifndef PAGERUNS_H
#define PAGERUNS_H

#include <stdbool.h>
#include <stdint.h>

#include "mft_format.h"

struct recorder;

struct pageruns_mapping {
	uintptr_t start, end;
	enum mft_map_kind kind;
};

/* Puts the mapping's records into the recorder's stream: of the heap's kinds which pages
 * are resident, of files' and of the dump's own how many. nothing_shared: no anonymous page
 * is another process's too. pagemap is open on /proc/self/pagemap. Returns false when a
 * page could not be looked at, or a record found no room. */
bool pageruns_put(struct recorder *recorder, int pagemap,
		  const struct pageruns_mapping *mapping, bool nothing_shared);

/* Writes to all pages of the working space. One that is first written to after RSS was read
 * would be counted with the mappings alone. */
void pageruns_touch(void);

#endif
