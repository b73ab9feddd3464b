/* SPDX-License-Identifier: MIT */
/*
 * figure.h - numbers as a person reads them.
 *
 * Each function returns a small text by value; it can be used at once:
 * printf("%s", figure_bytes(n).text).
 * Threads: any. Memory: none.
 * Not here: alignment, which is the report's business.
 */
#ifndef FIGURE_H
#define FIGURE_H

#include <stdint.h>

struct figure {
	char text[64];
};

/* "0 B", "1,023 B", "12.4 MiB": three digits at least, binary units up to EiB. */
struct figure figure_bytes(double bytes);

/* "7,212,345" */
struct figure figure_count(uint64_t count);

/* The same of a number that was read or averaged: rounded, from 0 to 2^63. */
struct figure figure_number(double number);

/* "1 block", "7,212 blocks": the count with its noun, which takes an s. */
struct figure figure_counted(uint64_t count, const char *noun);

/* "45.2%"; "<0.1%" where it is not nothing; "-" where whole is 0. */
struct figure figure_share(double part, double whole);

/* "810 ns", "3.20 ms", "12.4 s", "2 min 05 s", "3 h 20 min" */
struct figure figure_duration(uint64_t time_ns);

#endif
