/* SPDX-License-Identifier: MIT */
/*
 * json_diff.h - what `mftrace diff` found, for programs: schema "mftrace-diff/1".
 *
 * docs/diff.schema.json specifies it. Threads: none. Memory: none that stays.
 */
#ifndef JSON_DIFF_H
#define JSON_DIFF_H

#include <stdio.h>

struct diff;

/* Writes the whole of it and a newline. Returns 0, -ENOMEM, or what writing says. */
int json_diff(const struct diff *diff, FILE *out);

#endif
