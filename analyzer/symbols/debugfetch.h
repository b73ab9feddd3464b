/* SPDX-License-Identifier: MIT */
/*
 * debugfetch.h - files by their build-id from the servers that the user has named.
 *
 * The work is libdebuginfod's, if it is installed. Without DEBUGINFOD_URLS in the
 * environment nothing is loaded, and no network is used.
 * Guarantees: what comes is a file and not looked into.
 * Threads: none. Memory: debugfetch_done.
 */
#ifndef DEBUGFETCH_H
#define DEBUGFETCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Zero-filled is the initial state. */
struct debugfetch {
	bool tried;
	void *library;
	void *client;
};

enum debugfetch_what {
	DEBUGFETCH_DEBUG, /* the debug file */
	DEBUGFETCH_BINARY,
};

/* Returns 0 and sets *ret_fd, which is the caller's. Errors: -ENOENT (no server is named or
 * none has it), -ENOSYS (libdebuginfod is not installed). */
int debugfetch_get(struct debugfetch *fetch, enum debugfetch_what what,
		   const uint8_t *build_id, size_t build_id_bytes, int *ret_fd);

void debugfetch_done(struct debugfetch *fetch);

#endif
