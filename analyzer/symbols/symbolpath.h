/* SPDX-License-Identifier: MIT */
/*
 * symbolpath.h - opens the files that a dump names, where that is allowed.
 *
 * A dump and the files that it names are not trusted, so their paths are not either. Only
 * regular files are opened, never a device or a pipe (which can do something when opened,
 * or never return), nothing on /proc, /sys and their like, and only inside of certain
 * directories, the roots. Without a choice the one root is "/". With roots of the user's
 * own (a copy of another machine's files, say) a path is looked for below each of them,
 * where links and ".." cannot lead out of it, and as it stands if it lies in one of them.
 * Threads: none. Memory: symbolpath_free.
 * Not here: whether the file is the right one (symbolfile.h).
 */
#ifndef SYMBOLPATH_H
#define SYMBOLPATH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The environment variable with the roots: directories, joined by ':'. */
#define SYMBOLPATH_VARIABLE "MFTRACE_SYMBOL_ROOTS"

struct symbolpath;

/* roots: as the variable has them; NULL or "": "/" alone. Returns NULL where memory is
 * short. */
struct symbolpath *symbolpath_new(const char *roots);
void symbolpath_free(struct symbolpath *paths);

/* Opens a file for reading. Returns 0 and sets *ret_fd, and, unless it is NULL, *ret_name
 * (its path without links; the caller's, free). Errors: -ENOENT; -EXDEV (outside of the
 * roots); -EINVAL (no regular file, or no absolute path); others of open(2). */
int symbolpath_open(const struct symbolpath *paths, const char *path, int *ret_fd,
		    char **ret_name);

/* Opens the file with this build-id in the roots' stores of debug files
 * (usr/lib/debug/.build-id): a debug file, or the binary itself. Errors as above. */
int symbolpath_open_stored(const struct symbolpath *paths, const uint8_t *build_id,
			   size_t build_id_bytes, bool debug, int *ret_fd, char **ret_name);

#endif
