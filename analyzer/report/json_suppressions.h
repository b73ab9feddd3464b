/* SPDX-License-Identifier: MIT */
/*
 * json_suppressions.h - in JSON: what suppressions took, and those that took nothing.
 *
 * Built-in rules of one name are one entry, and are left out where they took nothing.
 * Threads: none. Memory: none that stays.
 */
#ifndef JSON_SUPPRESSIONS_H
#define JSON_SUPPRESSIONS_H

#include <stdio.h>

struct suppressions;

/* Writes an array; an empty one where suppressions is NULL. Returns 0 or -ENOMEM. */
int json_suppressions(const struct suppressions *suppressions, FILE *out);

#endif
