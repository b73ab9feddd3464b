/* SPDX-License-Identifier: MIT */
/*
 * programside.h - what one program has on one side of a comparison, over that side's runs.
 *
 * The program's processes are added up within each run. Its call sites are in groups of one
 * key (matchkey.h), each with a row of figures for every run; in a run that the program or
 * the site is not in it has nothing.
 * Threads: none. Memory: programside_done; the side must outlive it.
 * Not here: which groups of two sides belong together (comparison.h).
 */
#ifndef PROGRAMSIDE_H
#define PROGRAMSIDE_H

#include <stddef.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#include "band.h"
#include "matchkey.h"
#include "measured.h"
#include "sitematch.h"

struct side;

/* The call sites with one key. */
struct sitegroup {
	UT_hash_handle hh;
	struct matchkey key;
	const struct measured_site *site; /* the first */
	size_t place;			  /* in the order in which they were found */
	double *values;			  /* by run, MEASURES_OF_SITES each */
};

struct programside {
	const struct side *side;
	const char *name;	 /* base name that its processes have; NULL: none has */
	const char *exe;	 /* of the first process; NULL: there is none */
	size_t processes;	 /* the most of any run */
	struct measures *totals; /* by run */
	struct sitegroup *groups;
	size_t groups_count;
	struct sitegroup **by_place;
	struct sitematch_item *items; /* by place, for sitematch_pair */
};

/* Empty: the program of that name; nothing of it is there where name is NULL. */
void programside_init(struct programside *program, const struct side *side,
		      const char *name);
void programside_done(struct programside *program);

/* Shows keys the modules of the program's processes; to be done for both sides before
 * either is filled. Returns 0 or -ENOMEM. */
int programside_learn(const struct programside *program, struct matchkeys *keys);

/* Fills everything in. Returns 0 or -ENOMEM. */
int programside_fill(struct programside *program, struct matchkeys *keys);

/* The bands of the program's totals. Returns 0 or -ENOMEM. */
int programside_bands(const struct programside *program, struct band bands[MEASURES]);

/* The bands of a group; NULL: one that has nothing in any run. Returns 0 or -ENOMEM. */
int programside_site_bands(const struct programside *program, const struct sitegroup *group,
			   struct band bands[MEASURES_OF_SITES]);

#endif
