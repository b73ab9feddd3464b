/* SPDX-License-Identifier: MIT */
/*
 * interior.h - pointers into a block that are how the block is held.
 *
 * Where a program keeps no pointer to the start of a block, but one that the language or a
 * library made of it, the block is in use. The four cases, which are memcheck's
 * --leak-check-heuristics (Valgrind manual, 4.3 and 4.2.10):
 *  - new T[n] of a type with a destructor: 8 bytes in front of the array hold n;
 *  - a length: 8 bytes in front hold the size of the rest;
 *  - std::string before C++11 (libstdc++, _GLIBCXX_USE_CXX11_ABI=0): length, capacity and a
 *    count stand before the characters;
 *  - multiple inheritance: a pointer to a base class that is not the first one; the object
 *    and the base in it both begin with a pointer to a vtable.
 * Threads: any. Memory: none.
 */
#ifndef INTERIOR_H
#define INTERIOR_H

#include <stdbool.h>
#include <stdint.h>

struct pointers;
struct pointers_block;

/* Whether a value that points into a block, not to its start, counts as if it did. */
bool interior_is_start(const struct pointers *pointers, const struct pointers_block *block,
		       uint64_t value);

#endif
