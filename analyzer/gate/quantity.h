/* SPDX-License-Identifier: MIT */
/*
 * quantity.h - sizes, counts and ratios as people write them in a budget.
 *
 * A size is a number with a unit: none or B for bytes; KiB, MiB, GiB, TiB, or K, M, G, T
 * alone, for powers of 1024; kB, MB, GB, TB for powers of 1000. A count may end in k, M or
 * G for powers of 1000. A ratio is 0.3, or 30%. The number may have a fraction (1.5G), a
 * space may stand before the unit, and letters may be large or small.
 * Guarantees: does not depend on the locale; nothing negative, infinite or hexadecimal.
 * Threads: any. Memory: none.
 * Not here: printing (figure.h).
 */
#ifndef QUANTITY_H
#define QUANTITY_H

enum quantity_unit {
	QUANTITY_BYTES,
	QUANTITY_COUNT,
	QUANTITY_RATIO, /* from 0 to 1 */
	QUANTITY_SHARE, /* the same, but may be more than 1: a tolerance */
};

/* Reads all of text. Returns 0 and sets *ret_value, or -EINVAL (not such a quantity) or
 * -ERANGE (more than 2^53, or a ratio above 1). */
int quantity_parse(const char *text, enum quantity_unit unit, double *ret_value);

/* What a good one looks like, for messages: "a size such as 64MiB, 1.5G or 0". */
const char *quantity_example(enum quantity_unit unit);

#endif
