/* SPDX-License-Identifier: MIT */
/*
 * json_process.h - one process of the report as a JSON object, all but its sites.
 *
 * Threads: none. Memory: the objects are the caller's (json_decref).
 * Not here: the sites, and the frame around the processes (report_json.h).
 */
#ifndef JSON_PROCESS_H
#define JSON_PROCESS_H

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

struct report;

/* The object of a member of the report's family; NULL where memory is short. details: the
 * header too. */
json_t *json_process(const struct report *report, size_t index, bool details);

/* Text as a JSON string; bytes that are no UTF-8 are shown as \xNN. */
json_t *json_text(const char *text);

#endif
