/* SPDX-License-Identifier: MIT */
/*
 * traceable.h - whether a program can be recorded, told before it starts.
 *
 * A library is preloaded by the dynamic loader, so the program must have one, be of our
 * architecture, and run without privileges of its file (the loader ignores LD_PRELOAD
 * then). Scripts are judged by their interpreter. A sanitizer wants malloc for itself.
 * Guarantees: reads files only; runs nothing.
 * Threads: none. Memory: none that stays.
 */
#ifndef TRACEABLE_H
#define TRACEABLE_H

#include <stdbool.h>

struct complaint;

/* Finds the program as execvp does. Returns 0 and sets *ret_path (the caller's, free), or
 * -ENOENT, -EACCES, -ENOMEM with *complaint. */
int traceable_find(const char *program, char **ret_path, struct complaint *complaint);

/* Judges the file at path. force: do not mind sanitizers and file privileges. Returns 0;
 * or with *complaint: -ENOEXEC (static, other architecture, damaged), -EPERM (setuid,
 * setgid, capabilities), -ENOTSUP (a sanitizer), or what opening says. */
int traceable_check(const char *path, bool force, struct complaint *complaint);

#endif
