/* SPDX-License-Identifier: MIT */
/*
 * symbolname.h - linker names made readable: C++, Rust (legacy and v0).
 *
 * Guarantees: a name that is not mangled comes back as it is, but for the suffixes that
 * compilers hang on (.isra.0, .part.1, .cold, [clone ...]) and symbol versions
 * (@GLIBC_2.2), which change from build to build and say nothing to the reader. Rust's
 * hashes go too. Threads: any. Memory: results are the caller's (free).
 */
#ifndef SYMBOLNAME_H
#define SYMBOLNAME_H

#include <stdbool.h>
#include <stddef.h>

/* The whole readable name, safe to print. Returns NULL where memory is short. */
char *symbolname_new(const char *linker_name);

/* A name of at most `columns` for a line of text, cut where it costs least: first
 * arguments, then template arguments, then the tail. Returns NULL where memory is short. */
char *symbolname_short_new(const char *name, size_t columns);

/* Where the qualified name begins, behind the return type that templates' names carry. */
const char *symbolname_qualified(const char *name);

#endif
