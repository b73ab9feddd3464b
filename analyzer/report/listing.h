/* SPDX-License-Identifier: MIT */
/*
 * listing.h - the records of a dump as lines of text, for `mftrace dump`.
 *
 * Guarantees: one line a record (with whole stacks: one more a frame); whatever the traced
 * program called itself, no control character reaches the output.
 * Threads: one at a time. Memory: proportional to distinct stacks and modules.
 * Not here: options and errors (cmd_dump.c).
 */
#ifndef LISTING_H
#define LISTING_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct reader;

struct listing_options {
	bool whole_stacks;
	bool one_thread; /* only the records of `thread` */
	int32_t thread;
	uint64_t limit; /* records; UINT64_MAX: all */
};

/* Writes the records of the dump that the reader has open, in merged order. Stops early
 * where `out` cannot be written to, which ferror tells. Returns 0, -ENOMEM, or what pread
 * says. */
int listing_write(struct reader *reader, const struct listing_options *options, FILE *out);

#endif
