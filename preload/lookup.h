/* SPDX-License-Identifier: MIT */
/*
 * lookup.h - exported functions of loaded modules, found without dlsym.
 *
 * What dlsym does when it finds nothing harms a program that must not notice: it allocates,
 * perhaps in the middle of the allocator's own initialisation, which then waits for itself;
 * it asks for a translated message, before the C library can give one; and it leaves memory
 * that the program's next use of the loader frees. dlopen is worse: called while the loader
 * binds names, for an auditor, it ends the process. So the tables of the modules are read
 * here, as the loader would.
 * Guarantees: allocates nothing and calls nothing of the program's; the loader's list is
 * walked by dl_iterate_phdr, whose lock the same thread may hold already.
 * Threads: any. Memory: none.
 * Not here: names with a version of one's choice. The default version is what is found.
 * Source: ELF gABI, "Hash Table" and "Symbol Table"; the GNU hash table as binutils write
 * it; LSB, "Symbol Versioning".
 */
#ifndef LOOKUP_H
#define LOOKUP_H

#include <stddef.h>

/* Where to find a function, and where its address goes (by an atomic store). */
struct lookup {
	const char *name;
	void **slot;
};

/* Fills the slots of the names that a module behind this library defines, the nearest one
 * first, as RTLD_NEXT would; the slots of others stay as they are. Slots of one module are
 * filled in the order of names, which are 64 at most. Returns how many were filled. */
size_t lookup_behind(const struct lookup *names, size_t count);

/* The same in all modules but this library, for a library that was loaded last. */
size_t lookup_elsewhere(const struct lookup *names, size_t count);

/* The address of a function of the module whose ELF header is mapped at header, or NULL:
 * for the vdso. */
void *lookup_in(const void *header, const char *name);

#endif
