/* SPDX-License-Identifier: MIT */
/*
 * cmd_reading.h - what the verbs that read dumps have in common.
 *
 * Arguments (files or a directory, --json, --top N, --help), reading the dumps, printing
 * the report, errors. A verb is its help and its way to print.
 * Threads: none. Memory: none that stays.
 */
#ifndef CMD_READING_H
#define CMD_READING_H

#include <stdbool.h>
#include <stddef.h>

#include "sites.h"

struct report;
struct terminal;

struct reading_verb {
	const char *help;	/* the whole text of --help */
	size_t top;		/* sites shown in text unless --top says more or less */
	enum sites_order order; /* of the sites in JSON */
	bool details;		/* JSON has modules and header too */
	int (*print)(const struct report *report, const struct terminal *terminal);
};

/* Runs the verb with its arguments; returns the exit status of mftrace: 0, or 2. A dump in
 * a directory that cannot be read is named and left out, and the status is 2. */
int cmd_reading(int argc, char **argv, const struct reading_verb *verb);

#endif
