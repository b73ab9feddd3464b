/* SPDX-License-Identifier: MIT */
/*
 * fingerprint.h - what of a call stack stays the same when the program is built anew.
 *
 * A fingerprint is the 64-bit FNV-1a hash of function key, zero byte, module key, zero byte
 * for each frame from the innermost on; "?" stands for what is not known. Left out are
 * frames of the language's runtime wherever they are (what a library inlines changes with
 * its version), unless there are no others; and a frame that is the same as the one before
 * it (how deep a recursion went is data, not code).
 *
 * The key of a function is its name without what compilers and edits change:
 *   - parameters and return types: which of them are in a name depends on whether there is
 *     debug information, and adding one makes no other function; so overloads are one
 *   - suffixes of copies (.part.0, .isra.0, .constprop.0, .cold, .lto_priv.0, [clone ...])
 *   - numbers of lambdas, closures and nameless types: inserting one changes the others'
 *   - ABI tags ([abi:cxx11]), and blanks
 * Template arguments stay: Pool<Order>::grow and Pool<Trade>::grow are different places.
 * Guarantees: keys are fixed points: the key of a key is the same.
 * The key of a module is its base name without version, "libfoo.so" of
 * "/lib/libfoo.so.1.2" and "libfoo-1.2.so".
 * Threads: any. Memory: results are the caller's (free).
 * Not here: which frames a stack has (sites.h); likeness of what is not equal (compare).
 */
#ifndef FINGERPRINT_H
#define FINGERPRINT_H

#include <stdint.h>

#define FINGERPRINT_EMPTY 0xcbf29ce484222325ull

/* The key of a readable function name (symbolname.h). NULL: memory is short. */
char *fingerprint_function_new(const char *function);

/* A function key without template arguments: what is compared where keys differ. */
char *fingerprint_untemplated_new(const char *function_key);

/* The key of a module's path. NULL: memory is short. */
char *fingerprint_module_new(const char *path);

/* The fingerprint with one more frame outside of it; keys may be NULL: not known. */
uint64_t fingerprint_add(uint64_t fingerprint, const char *function_key,
			 const char *module_key);

#endif
