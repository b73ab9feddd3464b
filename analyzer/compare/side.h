/* SPDX-License-Identifier: MIT */
/*
 * side.h - one side of a comparison: runs, read from dumps, directories and stored reports.
 *
 * What a path names is found out by looking: a directory is a process tree, a file that
 * begins like a dump is one, and one that begins with '{' is a report as JSON, also one
 * that gzip has compressed. A directory in which a dump cannot be read is refused, because
 * a missing process would look like an improvement. Guarantees: input is not trusted; what
 * is wrong with it is said, with the place. Threads: none. Memory: proportional to call
 * sites and their frames; side_done. Not here: what the two sides have in common
 * (comparison.h).
 */
#ifndef SIDE_H
#define SIDE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "measured.h"

struct complaint;
struct dumpset;
struct suppressions;
struct symbols;

struct side {
	struct measured_run *runs;
	size_t count;
	size_t room;
	struct symbols *symbols; /* owns the strings */
};

/* How to read dumps; zeros: as `mftrace report` does. */
struct side_wish {
	/* Replay events up to this instant only, so that "at exit" is there. Refused for
	 * stored reports. */
	bool until_given;
	uint64_t until_ns;
	/* Dumps that lack events count as whole. */
	bool force;
	/* What leaks are not to count, for dumps; it stays the caller's. NULL: the built-in
	 * ones. (A stored report has its own applied.) */
	struct suppressions *suppressions;
	/* NULL, or shows how far it is: the parameters of replay_dump_for. */
	void (*progress)(void *context, uint64_t done, uint64_t total);
	void *context;
};

void side_init(struct side *side);
void side_done(struct side *side);

/* Adds what `path` names as one more run. wish may be NULL. *ret_file, which the caller
 * frees, is the file that the complaint is about, and NULL unless that is another than
 * path. Returns 0 or a negative errno with *complaint: those of replay_dump_for;
 * -EBADMSG (neither dump nor report, or a report that contradicts its schema),
 * -EPROTONOSUPPORT (another version of the schema), -EFBIG, -ENOMEM. */
int side_add(struct side *side, const char *path, const struct side_wish *wish,
	     char **ret_file, struct complaint *complaint);

/* The same with the dumps of a set as one run, which is called `name`. */
int side_add_dumps(struct side *side, const char *name, const struct dumpset *set,
		   const struct side_wish *wish, char **ret_file,
		   struct complaint *complaint);

#endif
