/* SPDX-License-Identifier: MIT */
/*
 * sandbox.h - confines the calling process to reading what it is handed.
 *
 * For the process that parses files which nobody vouches for: whatever such a file makes of
 * the parser, it can use the memory it has, answer over the socket that it was begun with,
 * and nothing else. System calls are allowed by a list (seccomp(2)); memory, processor
 * time, descriptors and file sizes are limited (setrlimit(2)). An attempt to open a file is
 * turned into a call of a function that asks somebody else for it, so libraries that look
 * for files need not know; other calls that are not on the list fail with EPERM.
 *
 * Guarantees: no way back. No memory becomes executable any more.
 * Threads: the process must have one. Memory: none.
 * Not here: which files are handed over (symbolpath.h).
 */
#ifndef SANDBOX_H
#define SANDBOX_H

#include <stdbool.h>
#include <stdint.h>

struct sandbox_limits {
	uint64_t memory_bytes; /* address space beyond what the process has now */
	unsigned cpu_seconds;  /* beyond what it has used now */
	bool without_filter;   /* limits alone, as where the kernel has no seccomp */
};

/* Opens a file by its path for reading. Returns a descriptor or a negative errno. Runs in a
 * signal handler, at the place of the system call. */
typedef int sandbox_open_fn(const char *path);

/* Confines the calling process. Returns whether system calls are filtered: false where the
 * kernel or the machine has no seccomp filters; then only the limits hold. */
bool sandbox_enter(const struct sandbox_limits *limits, sandbox_open_fn *open_file);

/* Whether this system can filter system calls. */
bool sandbox_can_filter(void);

#endif
