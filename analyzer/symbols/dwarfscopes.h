/* SPDX-License-Identifier: MIT */
/*
 * dwarfscopes.h - the qualified names of C++ functions that have no linker's name.
 *
 * Compilers leave the linker's name out of DWARF where a function has internal linkage
 * (anonymous namespaces, lambdas, templates over such) and was only ever inlined. What it
 * is part of then says its place in the tree: DWARF names the children, not the parents.
 * Guarantees: one pass over a unit, then a search for each name. Not trusted: depths and
 * cycles of references are limited.
 * Threads: none. Memory: dwarfscopes_free; proportional to the scopes of the unit.
 * Not here: names with a linker's name (symbolname.h).
 */
#ifndef DWARFSCOPES_H
#define DWARFSCOPES_H

#include <stdbool.h>

#include <elfutils/libdw.h>

struct dwarfscopes;

/* Whether the unit's language has scopes that names are qualified with. */
bool dwarfscopes_apply(Dwarf_Die *unit);

/* Returns NULL where memory is short. */
struct dwarfscopes *dwarfscopes_new(Dwarf_Die *unit);
void dwarfscopes_free(struct dwarfscopes *scopes);

/* The qualified name of a function or an inlined call of one, "space::Class::name"; the
 * caller's (free). Returns 0, -ENOENT (it is not known, or has no scope) or -ENOMEM. */
int dwarfscopes_name(const struct dwarfscopes *scopes, Dwarf_Die *function,
		     char **ret_name);

#endif
