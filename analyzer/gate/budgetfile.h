/* SPDX-License-Identifier: MIT */
/*
 * budgetfile.h - budgets in a file, mftrace.ini.
 *
 *     max-leaked = 0              of the whole run; before the first section
 *     tolerance = 5%              against a baseline
 *     baseline = memory.json      relative to the file; may be given again
 *     allow-missing = yes         programs of the baseline need not run
 *
 *     [site parser]               call sites with a function that fits; the name is free
 *     match = parse_*
 *     max-peak = 4MiB
 *
 *     [process worker]            processes whose program fits
 *     exe = worker*
 *     max-resident = 200MB
 *
 * Lines that begin with # or ; are comments, and so is what follows a ; after a space.
 * Guarantees: what is not known or given twice is an error with its line and key. The
 * file's own grammar is that of the inih library.
 * Threads: none. Memory: budgetfile_done.
 */
#ifndef BUDGETFILE_H
#define BUDGETFILE_H

#include <stdbool.h>
#include <stddef.h>

#include "budget.h"

struct complaint;

#define BUDGETFILE_NAME "mftrace.ini"

struct budgetfile {
	char *path;
	struct budgets budgets;
	bool tolerance_given;
	double tolerance;
	bool allow_missing;
	char **baselines; /* paths, as seen from the working directory */
	size_t baselines_count;
};

/* The file of that name in the working directory or the nearest directory above it. Returns
 * 0 and sets *ret_path, the caller's, NULL where there is none; or -ENOMEM. */
int budgetfile_find(char **ret_path);

/* Returns 0; or a negative errno with *complaint, which begins with the line where there
 * is one: -EINVAL (what is in it), -ENOMEM, or what opening and reading say. */
int budgetfile_read(const char *path, struct budgetfile *ret_file,
		    struct complaint *complaint);
void budgetfile_done(struct budgetfile *file);

#endif
