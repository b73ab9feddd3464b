/* SPDX-License-Identifier: MIT */
/*
 * symbolsource.h - what one ELF file and its debug files say of an address.
 *
 * Names come from DWARF where there is any, else from ELF symbols.
 * Guarantees: no file makes this crash or loop on purpose, but the libraries that read it
 * are not to be trusted so far: it is meant to run in a confined process (symbolserver.h).
 * Threads: none. Memory: strings belong to the source.
 * Not here: names made readable (symbolname.h).
 */
#ifndef SYMBOLSOURCE_H
#define SYMBOLSOURCE_H

#include <stddef.h>
#include <stdint.h>

#include "debuginfo.h"
#include "symbolfile.h"

struct symbolsource;

/* A function at an address; strings may be NULL: not known. */
struct symbolsource_frame {
	const char *name; /* as the linker or the source has it, to be made readable */
	const char *linker_name; /* with the suffixes of clones and the version */
	const char *file;
	unsigned line; /* 0: not known */
};

/* Opens a file; arguments and errors as of symbolfile_load. */
int symbolsource_open(int fd, const char *path, const uint8_t *build_id,
		      size_t build_id_bytes, symbolfile_fetch_fn *fetch,
		      struct symbolsource **ret_source);
void symbolsource_close(struct symbolsource *source);

/* The functions at an address of the file, innermost first; all but the last are inlined
 * into the next. Returns how many, at least 1 (perhaps with nothing known), or -ENOMEM. */
int symbolsource_at(struct symbolsource *source, uint64_t address,
		    struct symbolsource_frame ret_frames[DEBUGINFO_DEPTH_MAX]);

/* The variable at an address of the file, and how far into it that is; *ret_name NULL: none
 * is known. Returns 0 or -ENOMEM. */
int symbolsource_object_at(struct symbolsource *source, uint64_t address,
			   const char **ret_name, uint64_t *ret_offset);

#endif
