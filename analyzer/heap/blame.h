/* SPDX-License-Identifier: MIT */
/*
 * blame.h - whose blocks keep free memory from being given back.
 *
 * Listens to pages.h. By site: the free bytes of pages that its blocks hold alone, its even
 * part of those that several sites hold, how many pages and blocks these are, how old the
 * blocks are; and the same at the grain of transparent huge pages, where only those
 * aligned 2 MiB count that the site's blocks hold alone.
 * Threads: one at a time. Memory: 64 bytes a site; blame_done.
 */
#ifndef BLAME_H
#define BLAME_H

#include <stddef.h>
#include <stdint.h>

struct pages_part;
struct profile;
struct spans;

#define BLAME_HUGE_BYTES (2ull << 20)

struct blame_pin {
	uint64_t exclusive_bytes;
	double shared_bytes;
	uint64_t pages, blocks;
	uint64_t oldest_birth; /* clock units; only with a block */
	double birth_sum;
	uint64_t huge_exclusive_bytes;
	uint64_t seen; /* serial of the last page */
};

struct blame {
	const struct spans *spans;
	struct blame_pin *pins; /* by site */
	size_t sites_count;
	size_t next_block; /* the first span that was not counted as pinning */
	uint64_t serial;
	/* The huge page at hand. */
	uint64_t huge;	    /* its number */
	uint64_t huge_free; /* bytes */
	uint32_t huge_site;
	unsigned huge_sites; /* 0, 1, or 2: more */
};

/* For spans whose site numbers are below sites_count. Returns 0 or -ENOMEM. */
int blame_init(struct blame *blame, const struct spans *spans, size_t sites_count);
void blame_done(struct blame *blame);

/* A pages_listener's part; context is the struct blame. */
void blame_part(void *context, const struct pages_part *part);

/* Ends what is at hand. To be called where a region ends: huge pages do not reach over. */
void blame_end_region(struct blame *blame);

/* Writes what was found into the profile's sites, as at a clock; unit_ns: of a unit. Sites
 * of the profile beyond those of blame_init pin nothing. */
void blame_close(const struct blame *blame, uint64_t clock, uint64_t unit_ns,
		 struct profile *profile);

#endif
