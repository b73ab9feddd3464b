/* SPDX-License-Identifier: MIT */
/*
 * export.h - the formats of other tools that a report can be written in.
 *
 * Each format is a file of this room with one struct export_format; formats.h declares
 * them, the table in export.c lists them in the order of --help.
 * Guarantees: a format only reads the report. It writes as it goes; what it keeps in memory
 * follows call sites, frames and snapshots, never events.
 * Threads: none. Memory: what a writer allocates it frees.
 * Not here: the command line and where the output goes (cmd_export.c).
 */
#ifndef EXPORT_H
#define EXPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct report;

/* What a call site is measured by; all by the definitions of docs/design.md. */
enum export_metric {
	EXPORT_PEAK,	    /* bytes live when most were */
	EXPORT_LEAKED,	    /* bytes, as mftrace leaks counts them */
	EXPORT_ALLOCATED,   /* bytes over the whole run */
	EXPORT_ALLOCATIONS, /* how many */
	EXPORT_TEMPORARY,   /* how many */
	EXPORT_PINNED,	    /* free bytes held, exclusive and shared, worst snapshot */
};
#define EXPORT_METRICS 6u
#define EXPORT_ALL_METRICS ((1u << EXPORT_METRICS) - 1)

struct export_format {
	const char *name;    /* as --format has it */
	const char *summary; /* what it is and who opens it; one line of 60 columns */
	bool binary;	     /* not for a terminal */
	bool one_process;    /* has no place for a second one */
	bool adds;	     /* what a file already has stays in it; see write_path */
	/* Which metrics it can show, (1 << metric) each. Of a format that shows several at
	 * once the one that is asked for comes first, or is the one that a viewer opens
	 * with. */
	unsigned metrics;
	enum export_metric metric; /* where none is asked for */
	/* Writes the report. Returns 0 or a negative errno; what could not be written to
	 * `out` may also show as ferror(out) only. NULL where write_path is there. */
	int (*write)(const struct report *report, enum export_metric metric, FILE *out);
	/* For formats whose library opens its file itself: creates the file at path, which
	 * does not exist, unless the format adds to one that does. Returns 0 or a negative
	 * errno; what was there before is unharmed then. */
	int (*write_path)(const struct report *report, enum export_metric metric,
			  const char *path);
};

/* All formats; ends with NULL. */
extern const struct export_format *const export_formats[];

/* The format of a name, or NULL. */
const struct export_format *export_find_format(const char *name);

/* "peak", "leaked", ... */
const char *export_metric_name(enum export_metric metric);

/* Returns true and sets *ret_metric where there is a metric of that name. */
bool export_find_metric(const char *name, enum export_metric *ret_metric);

/* Whether it counts bytes; otherwise allocations. */
bool export_metric_bytes(enum export_metric metric);

#endif
