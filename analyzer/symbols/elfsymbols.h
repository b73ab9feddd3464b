/* SPDX-License-Identifier: MIT */
/*
 * elfsymbols.h - the function or the object symbols of one module, by address.
 *
 * Taken once from whatever tables libdwfl finds (.symtab, .dynsym, .gnu_debugdata, a
 * separate debug file), sorted, then searched: libdwfl's own look-up walks the whole table
 * each time. Where several symbols have one address the same one is always chosen: global
 * before weak before local, then fewest leading underscores, then the shortest.
 * Threads: none. Memory: owned by the object; the names are the module's, which must
 * outlive it.
 */
#ifndef ELFSYMBOLS_H
#define ELFSYMBOLS_H

#include <stdint.h>

#include <elfutils/libdwfl.h>

struct elfsymbols;

enum elfsymbols_kind {
	ELFSYMBOLS_FUNCTIONS,
	ELFSYMBOLS_OBJECTS, /* data: global and static variables */
};

/* Reads the tables. Returns 0 and sets *ret_symbols (perhaps with no symbols), or -ENOMEM.
 */
int elfsymbols_new(Dwfl_Module *module, enum elfsymbols_kind kind,
		   struct elfsymbols **ret_symbols);
void elfsymbols_free(struct elfsymbols *symbols);

/* The linker name of what is at an address of the file, and how far into it the address is;
 * NULL: within no symbol. A function without a size reaches to the next one. */
const char *elfsymbols_at(const struct elfsymbols *symbols, uint64_t address,
			  uint64_t *ret_offset);

#endif
