/* SPDX-License-Identifier: MIT */
/*
 * suppression_writer.h - suppressions for the leaks of a report, ready for a file.
 *
 * Valgrind's rules name the whole call stack, as far as it is shown, and the allocation
 * function; each carries the rule for LeakSanitizer as a comment. LeakSanitizer's name the
 * innermost function that is shown, which is all that its syntax can say.
 * Threads: none. Memory: none that stays.
 */
#ifndef SUPPRESSION_WRITER_H
#define SUPPRESSION_WRITER_H

#include <stdio.h>

#include "suppression.h"

struct report;

/* Writes rules for the report's call sites that have leaks which no rule has taken, the
 * biggest first, report->top of them. Returns 0 or -ENOMEM. */
int suppression_write(const struct report *report, enum suppression_syntax syntax,
		      FILE *out);

#endif
