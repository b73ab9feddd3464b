/* SPDX-License-Identifier: MIT */
/*
 * json_leaks.h - the member "leaks" of a process's report, and what a site has of it.
 *
 * Threads: none. Memory: results are the caller's (json_decref); NULL: memory is short.
 */
#ifndef JSON_LEAKS_H
#define JSON_LEAKS_H

#include <stddef.h>

#include <jansson.h>

struct report;
struct site;

/* Amounts by kind, the scan, and every cycle, of a member of the report's family. */
json_t *json_leaks(const struct report *report, size_t member);

/* The gravest kind of a site's blocks that are not free, or null: there are none. */
json_t *json_leak_kind(const struct site *site);

/* Amounts by kind of a site, what it retains, and when and by whom it was allocated; null
 * where nothing of it is left. */
json_t *json_site_leaks(const struct site *site);

/* The steady growth of a site, or null. */
json_t *json_growth(const struct site *site);

#endif
