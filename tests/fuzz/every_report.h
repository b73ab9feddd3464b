/* SPDX-License-Identifier: MIT */
/*
 * every_report.h - does with a dump, or a stored report, all that the commands can do.
 *
 * For the fuzzers: whatever the file holds, each step ends in an error with a sentence or
 * in output, which goes nowhere. Sums and indexes that must hold are checked; a program
 * whose own claims are wrong is aborted.
 * Guarantees: no names are read from files that a dump speaks of.
 * Threads: one at a time. Memory: none that stays.
 */
#ifndef EVERY_REPORT_H
#define EVERY_REPORT_H

#include <stdbool.h>

struct snap;

/* Once, before anything else. */
void every_report_begin(void);

/* Replays a dump, seen from outside by snap (NULL: by nobody), and makes every text, JSON,
 * export and picture of it. files: also those that are written to files. Returns whether
 * there was a report; *ret_damaged: that says the dump is damaged. */
bool every_report_of_dump(const char *path, const struct snap *snap, bool files,
			  bool *ret_damaged);

/* Replays a dump and no more; returns as above. */
bool every_report_replay(const char *path, bool *ret_damaged);

/* Whether a step had to do without memory that it asked for, since this was asked last. */
bool every_report_was_short(void);

/* Holds a dump or a stored report to a budget and to itself, and compares it with itself,
 * in every format. */
void every_verdict(const char *path);

/* Lists a dump's records. */
void every_record(const char *path);

#endif
