/* SPDX-License-Identifier: MIT */
/*
 * framerules.h - which frames of a call stack are not the program's own.
 *
 * A stack begins, at the inner end, with frames of the allocator and of the language's
 * runtime (operator new, std::vector's growth, Rust's alloc::), and ends with those that
 * start a program or a thread. They are the same everywhere and hide what differs. Reports
 * leave them out at the two ends, never in the middle, and never all of a stack.
 * Threads: any. Memory: none.
 * Not here: who trims what (calltree.h).
 */
#ifndef FRAMERULES_H
#define FRAMERULES_H

#include <stdbool.h>

/* function: readable name or NULL; module: base name of the file or NULL. */

/* Of the allocator or the language's runtime. */
bool framerules_runtime(const char *function, const char *module);

/* Starts programs or threads. Asked only of frames whose callers all do. */
bool framerules_startup(const char *function, const char *module);

/* Runs Rust's main, below a C main that the compiler made. */
bool framerules_rust_start(const char *function);

#endif
