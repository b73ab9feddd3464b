/* SPDX-License-Identifier: MIT */
/*
 * early_calloc.h - what the preloaded library early_calloc tells the program.
 *
 * Guarantees: the counts are complete when main begins.
 * Threads: none. Memory: none.
 * Not here: the program's own counts (truth.h).
 */
#ifndef EARLY_CALLOC_H
#define EARLY_CALLOC_H

#include "truth.h"

/* What the site in_early_constructor did. */
struct truth_count early_calloc_truth(void);

#endif
