/* SPDX-License-Identifier: MIT */
/*
 * leak_scan.h - writes into the dump which words of memory point into the heap.
 *
 * At the process's end (leak_scan=1), by the thread that ends it: all others are parked
 * (park.h), the mappings listed (areas.h), roots written (roots.h), and every resident page
 * looked through (words.h). The reader, who knows the blocks, tells from it which of them
 * nothing points to.
 * Guarantees: once a process; ends at the deadline with what it has, and says so; no lock
 * is waited for that a parked thread could hold. The process goes on as before.
 * What the C library holds for itself at exit is not made to be freed (__libc_freeres):
 * other threads may still run, and it is reachable from the library's own data anyway.
 * Not here: what is a leak (the analyzer).
 */
#ifndef LEAK_SCAN_H
#define LEAK_SCAN_H

#include "mft_format.h"

/* Takes the scan, if the user asked for one and none was taken. The caller's frame and what
 * is above it is the program's stack. */
void leak_scan_take(enum mft_snapshot_reason reason);

/* In a forked child: the scan that was taken was the parent's. */
void leak_scan_forget(void);

#endif
