/* SPDX-License-Identifier: MIT */
/*
 * symbolfile.h - finds the file that holds the names of a recorded module.
 *
 * The path that the dump gives counts only if the file there is the one that was recorded
 * (same build-id); otherwise the system's store of debug files is asked
 * (/usr/lib/debug/.build-id), then whatever libdwfl is configured to ask: debuginfod,
 * where DEBUGINFOD_URLS is set.
 * Guarantees: opens regular files only and never blocks on one; no name ever comes from a
 * file whose build-id differs.
 * Threads: none. Memory: the Dwfl of a file is the caller's (dwfl_end).
 * Not here: looking anything up in the file (elfsymbols.h, debuginfo.h).
 */
#ifndef SYMBOLFILE_H
#define SYMBOLFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <elfutils/libdwfl.h>

struct symbolfile {
	Dwfl *dwfl;
	Dwfl_Module *module; /* loaded at bias 0: its addresses are the file's */
	bool changed;	     /* at the recorded path stands another build */
};

/* Opens the file of the module recorded at path. build_id_bytes is 0 where the dump knows
 * none; then the path must do. Returns 0 and sets *ret_file. On -ENOENT (no such file, or
 * only another build of it) ret_file->changed tells which, and the rest is untouched.
 * Other errors: -ENOMEM, -ENOEXEC (no ELF file). */
int symbolfile_open(const char *path, const uint8_t *build_id, size_t build_id_bytes,
		    struct symbolfile *ret_file);

#endif
