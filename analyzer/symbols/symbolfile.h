/* SPDX-License-Identifier: MIT */
/*
 * symbolfile.h - one ELF file that was handed over, loaded for looking up names.
 *
 * Guarantees: no name ever comes from a file whose build-id differs from the recorded one.
 * Debug files that belong to it (by build-id, .gnu_debuglink, .gnu_debugaltlink, split
 * DWARF) are found by libdwfl's own rules; whether it gets to open them is its process's
 * business (sandbox.h). Whatever it does not find is asked for by build-id.
 * Threads: none. Memory: symbolfile_done.
 * Not here: finding the file (symbolpath.h), looking anything up in it (elfsymbols.h,
 * debuginfo.h).
 */
#ifndef SYMBOLFILE_H
#define SYMBOLFILE_H

#include <stddef.h>
#include <stdint.h>

#include <elfutils/libdwfl.h>

struct symbolfile {
	Dwfl *dwfl;
	Dwfl_Module *module; /* loaded at bias 0: its addresses are the file's */
};

/* Gets a debug file by its build-id from elsewhere. Returns a descriptor or a negative
 * errno. */
typedef int symbolfile_fetch_fn(const uint8_t *build_id, size_t build_id_bytes);

/* Loads the file behind fd, which it takes over where it succeeds; path is its name without
 * links. build_id_bytes is 0 where the dump knows none; then the file must do. fetch may be
 * NULL. Returns 0 and sets *ret_file. Errors: -ESTALE (another build), -ENOEXEC (no ELF
 * file), -ENOMEM. */
int symbolfile_load(int fd, const char *path, const uint8_t *build_id,
		    size_t build_id_bytes, symbolfile_fetch_fn *fetch,
		    struct symbolfile *ret_file);
void symbolfile_done(struct symbolfile *file);

#endif
