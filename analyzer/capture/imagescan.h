/* SPDX-License-Identifier: MIT */
/*
 * imagescan.h - the scan for pointers of a process that is seen from outside.
 *
 * Finds what the recorder's own scan finds (docs/format.md, "Scans for pointers"): roots,
 * words that point to where blocks may be, and the contents that tell interior pointers
 * apart. Registers, which lie in no memory here, are words at addresses from
 * IMAGESCAN_REGISTERS on, which no memory of a process has.
 * Threads: one at a time. Memory: the scan's, 16 bytes a word (pointers.h).
 * Not here: which roots are the allocator's memory (pointers_seal).
 */
#ifndef IMAGESCAN_H
#define IMAGESCAN_H

#include <stdint.h>

struct image;
struct pointers;

/* Registers of the n-th thread lie at n times IMAGESCAN_STRIDE behind this. */
#define IMAGESCAN_REGISTERS 0xffff800000000000ull
#define IMAGESCAN_STRIDE 4096u

/* Fills in roots, words, contents, threads, absent pages, and of the flags those that say
 * that threads or pages are missing. Returns 0, -ENOMEM, or what reading says where nothing
 * can be read. */
int imagescan_run(const struct image *image, struct pointers *pointers);

#endif
