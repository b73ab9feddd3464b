/* SPDX-License-Identifier: MIT */
/*
 * number.h - whole numbers as users write them on the command line.
 *
 * Decimal digits and nothing else: strtoull also takes spaces, signs and, of a negative
 * number, what it is modulo 2^64.
 * Threads: any. Memory: none.
 * Not here: times (duration.h); sizes, counts with units and shares (quantity.h).
 */
#ifndef NUMBER_H
#define NUMBER_H

#include <stdbool.h>
#include <stdint.h>

/* Returns false where text is no number from least to most. */
bool number_parse(const char *text, uint64_t least, uint64_t most, uint64_t *ret_number);

/* The id of a process or a thread: 1 to INT32_MAX. */
bool number_parse_id(const char *text, int32_t *ret_id);

#endif
