/* SPDX-License-Identifier: MIT */
/*
 * json_fragmentation.h - the members "fragmentation" and "snapshots" of a process's report.
 *
 * Threads: none. Memory: results are the caller's (json_decref).
 */
#ifndef JSON_FRAGMENTATION_H
#define JSON_FRAGMENTATION_H

#include <stddef.h>

#include <jansson.h>

struct profile;
struct report;

/* The chosen snapshot, in depth, of a member of the report's family; null where there is
 * none. NULL: memory is short. */
json_t *json_fragmentation(const struct report *report, size_t member);

/* All snapshots, an array. NULL: memory is short. */
json_t *json_snapshots(const struct profile *profile);

#endif
