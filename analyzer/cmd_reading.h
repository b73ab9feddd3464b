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

struct leaks_wish;
struct option;
struct profile_moment;
struct report;
struct suppressions;
struct terminal;

struct reading_verb {
	const char *help;	/* the whole text of --help */
	size_t top;		/* sites shown in text unless --top says more or less */
	enum sites_order order; /* of the sites in JSON */
	bool details;		/* JSON has modules and header too */
	int (*print)(const struct report *report, const struct terminal *terminal);
	/* What only this verb has; each may be NULL. */
	const struct option *options; /* values from 256 on, or letters; ends with zeros */
	const char *short_options;    /* those letters, for getopt */
	bool own_options_only;	      /* of the others it takes --help */
	/* Takes one of them; returns what is wrong with it ("" where the verb has said it),
	 * or NULL. */
	const char *(*take_option)(int option, const char *argument);
	/* Once all options are taken: returns what is wrong with them together, as
	 * take_option does. */
	const char *(*settle)(void);
	const struct profile_moment *moment; /* to look at in depth */
	const struct leaks_wish *leaks;	     /* what to know of leaks */
	/* Whether DUMP.snap counts where a dump's process has not ended by itself. (A
	 * snapshot that is named instead of a dump always does.) */
	bool finds_snapshots;
	const char *const *core; /* a core file of the process, once it was given */
	/* The rules to go by, which are the caller's; NULL: memory is short. Without this
	 * JSON goes by the built-in ones, and text shows no leaks. */
	struct suppressions *(*suppressions)(void);
	/* After the report was printed; returns the exit status, 0 or 2. */
	int (*finish)(const struct report *report);
};

/* At most so many options of a verb's own. */
#define READING_OPTIONS_MOST 16

/* For a verb's suppressions: the built-in rules. */
struct suppressions *cmd_reading_default_rules(void);

/* Runs the verb with its arguments; returns the exit status of mftrace: 0, or 2. A dump in
 * a directory that cannot be read is named and left out, and the status is 2. */
int cmd_reading(int argc, char **argv, const struct reading_verb *verb);

#endif
