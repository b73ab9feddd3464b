/* SPDX-License-Identifier: MIT */
/*
 * launch.h - starts a program with the recorder preloaded, and waits for it.
 *
 * The program gets our standard streams, our working directory and our environment, but
 * for LD_PRELOAD (the recorder first, then what was there) and MFTRACE_OPTIONS (what was
 * there, then ours). While it runs, SIGINT and SIGQUIT are left to it, as a shell does;
 * SIGTERM and SIGHUP are passed on.
 * Threads: none. Memory: none that stays.
 */
#ifndef LAUNCH_H
#define LAUNCH_H

#include <sys/types.h>

struct complaint;

/* The path of libmftrace.so: beside this binary in the build tree or in the install tree.
 * Returns 0 and sets *ret_path (the caller's, free); -ENOENT, -EINVAL (a path that
 * LD_PRELOAD cannot hold) or -ENOMEM with *complaint. */
int launch_find_library(char **ret_path, struct complaint *complaint);

/* Runs the file at path with argv. options: for MFTRACE_OPTIONS. Returns 0 once it has
 * ended, with its pid and its status as wait(2) gives it; or a negative errno with
 * *complaint when it could not be started. */
int launch_run(const char *path, char **argv, const char *library, const char *options,
	       pid_t *ret_pid, int *ret_status, struct complaint *complaint);

#endif
