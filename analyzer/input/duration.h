/* SPDX-License-Identifier: MIT */
/*
 * duration.h - times and durations as users write them.
 *
 * "12.5", "12.5s", "300ms", "40us", "2min" or "2m", "3h", "1d"; without a unit seconds are
 * meant.
 * Threads: any. Memory: none.
 * Not here: how durations are shown (figure.h).
 */
#ifndef DURATION_H
#define DURATION_H

#include <stdbool.h>
#include <stdint.h>

/* Returns false where text is none: nothing, a negative number, another unit. What is
 * longer than 292 years becomes that. */
bool duration_parse(const char *text, uint64_t *ret_ns);

#endif
