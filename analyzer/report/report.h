/* SPDX-License-Identifier: MIT */
/*
 * report.h - what every report is made from: the processes and the names of their frames.
 *
 * Guarantees: reports only read the profiles.
 * Threads: none. Memory: report_done; the family stays the caller's and must outlive it.
 * Not here: any output (report_text.h, report_json.h).
 */
#ifndef REPORT_H
#define REPORT_H

#include <stddef.h>

#include "sites.h"

struct calltree;
struct calltree_view;
struct family;
struct suppressions;
struct symbols;

#define REPORT_ALL ((size_t)-1)

struct report {
	const struct family *family;
	struct symbols *symbols;
	struct calltree *tree;
	struct calltree_view **views;	   /* by member of the family */
	struct suppressions *suppressions; /* applied already; NULL: none */
	size_t top;			   /* sites to show; REPORT_ALL: no limit */
	const char *target;		   /* the dumps as the user named them, for hints */
};

/* Returns 0 or -ENOMEM. top: how many sites; target must outlive the report. */
int report_init(struct report *report, const struct family *family, size_t top,
		const char *target);
void report_done(struct report *report);

/* Takes what suppressions fit out of the leaks of all processes. Once, before anything is
 * printed; the suppressions then belong to the report, also on failure. Returns 0 or
 * -ENOMEM. */
int report_suppress(struct report *report, struct suppressions *suppressions);

/* Collects and sorts the sites of one member of the family, or of all (FAMILY_NONE).
 * Returns 0 or -ENOMEM; sites_done in any case. */
int report_sites(const struct report *report, size_t member, enum sites_order take,
		 enum sites_order sort, struct sites *sites);

#endif
