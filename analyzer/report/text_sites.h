/* SPDX-License-Identifier: MIT */
/*
 * text_sites.h - call sites in a text report: a line of figures, then the call chain.
 *
 * Chains are shown without the allocator's and the runtime's frames (framerules.h), long
 * ones without their middle, recursion folded.
 * Threads: none. Memory: none that stays.
 */
#ifndef TEXT_SITES_H
#define TEXT_SITES_H

#include "sites.h"

struct callnode;
struct calltree;
struct report;
struct terminal;

/* Prints the call chain from a node outwards, indented. Returns 0 or -ENOMEM. */
int text_chain(const struct terminal *terminal, const struct calltree *tree, uint32_t node);

/* The same of frames that are in no tree, innermost first. Returns 0 or -ENOMEM. */
int text_frames(const struct terminal *terminal, const struct callnode *frames,
		size_t count);

/* "function  file.c:12" of one node, in so many columns where its names allow; the caller's
 * (free); NULL: no memory. */
char *text_place_new(const struct calltree *tree, uint32_t node, size_t columns);

/* Prints the first line's figures of one site, without a newline; whole is the sum over
 * all sites of what they are sorted by. */
typedef void text_site_line_fn(const struct terminal *terminal, const struct site *site,
			       double whole);

/* Prints the sites of all processes under a heading, the biggest first, report->top of
 * them; says how many are left out and how much they have. Prints nothing where there are
 * none. Returns 0 or -ENOMEM. */
int text_sites(const struct terminal *terminal, const struct report *report,
	       enum sites_order order, const char *heading, text_site_line_fn *line);

#endif
