/* SPDX-License-Identifier: MIT */
/*
 * debuginfo.h - function, file and line of an address, with inlined calls, from DWARF.
 *
 * Guarantees: each unit is indexed once, when the first address falls into it, and not at
 * all otherwise; works without .debug_aranges, which clang and rustc leave out. Damaged
 * DWARF gives fewer names, never a crash or an endless walk.
 * Threads: none. Memory: owned by the object, which must not outlive its module.
 * Not here: ELF symbols (elfsymbols.h), caching and readable names (symbols.h).
 */
#ifndef DEBUGINFO_H
#define DEBUGINFO_H

#include <stdint.h>

#include <elfutils/libdwfl.h>

/* Calls inlined into one another deeper than this are cut at the outer end. */
#define DEBUGINFO_DEPTH_MAX 64

/* One function at an address, real or inlined. Strings are the module's. */
struct debuginfo_frame {
	const char *linker_name; /* mangled; NULL: only name is known */
	const char *name;	 /* as written in the source, qualified; NULL: not known */
	const char *file;	 /* NULL: not known */
	unsigned line;		 /* 0: not known */
};

struct debuginfo;

/* Returns 0 and sets *ret_debuginfo; -ENOENT: the module has no DWARF; -ENOMEM. */
int debuginfo_new(Dwfl_Module *module, struct debuginfo **ret_debuginfo);
void debuginfo_free(struct debuginfo *debuginfo);

/* The functions at an address of the file, innermost first; all but the last are inlined
 * into the next. Returns how many there are (0: the address is in no unit), at most
 * DEBUGINFO_DEPTH_MAX, or -ENOMEM. */
int debuginfo_at(struct debuginfo *debuginfo, uint64_t address,
		 struct debuginfo_frame ret_frames[DEBUGINFO_DEPTH_MAX]);

#endif
