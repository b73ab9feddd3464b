/* SPDX-License-Identifier: MIT */
/*
 * text_frag.h - the parts of the report on fragmentation, for one process each.
 *
 * All print to the terminal's stream, a heading first, or nothing where there is nothing to
 * tell.
 * Threads: none. Memory: none that stays.
 */
#ifndef TEXT_FRAG_H
#define TEXT_FRAG_H

#include <stddef.h>

#include "profile.h"

struct report;
struct terminal;

/* What RSS is made of: in the chosen snapshot, at the peaks, at exit. */
void text_waterfall(const struct terminal *terminal, const struct profile *profile);

/* glibc's heaps: what stops them from shrinking, what trimming would return, whose threads
 * have ended. Returns 0 or -ENOMEM. */
int text_heaps(const struct terminal *terminal, const struct report *report, size_t member);

/* Free runs, and live blocks, by size. */
void text_free_runs(const struct terminal *terminal, const struct profile *profile);
void text_sizes(const struct terminal *terminal, const struct profile *profile);

/* R, U, F and RSS over time, and where the ratio grew. Returns 0 or -ENOMEM. */
int text_course(const struct terminal *terminal, const struct report *report,
		size_t member);

/* The heap's pages by how full they are. */
void text_heapmap(const struct terminal *terminal, const struct profile *profile);

#endif
