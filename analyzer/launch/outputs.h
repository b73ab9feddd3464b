/* SPDX-License-Identifier: MIT */
/*
 * outputs.h - where the dumps of a run go, and which they are afterwards.
 *
 * Guarantees: the recorder is always given an absolute template, so a program that changes
 * its directory or becomes a daemon still writes where the user said.
 * Threads: none. Memory: outputs_done.
 */
#ifndef OUTPUTS_H
#define OUTPUTS_H

#include <stdint.h>
#include <sys/types.h>

struct complaint;
struct dumpset;

struct outputs {
	char *directory; /* absolute */
	char *option;	 /* "output=...", escaped for MFTRACE_OPTIONS */
	uint64_t begun_unix_ns;
};

/* path: what the user gave, or NULL. A directory (existing, or ending in a slash: made
 * where it is missing) gets one dump for each process; in a file's name %p stands for the
 * pid and %e for the program. Returns 0, or a negative errno with *complaint: -EINVAL,
 * -ENOENT, -ENOTDIR, -EACCES ... */
int outputs_init(struct outputs *outputs, const char *path, struct complaint *complaint);
void outputs_done(struct outputs *outputs);

/* Finds the dumps that the process `pid` and its descendants have written since
 * outputs_init, and adds them to the set. Returns 0 or -ENOMEM. */
int outputs_collect(const struct outputs *outputs, pid_t pid, struct dumpset *set);

#endif
