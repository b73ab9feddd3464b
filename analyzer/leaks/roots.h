/* SPDX-License-Identifier: MIT */
/*
 * roots.h - which memory of a scan is a root, once it is known where the blocks are.
 *
 * A recorder cannot tell an allocator's mapping from the program's own; the blocks can.
 * Threads: one at a time. Memory: the scan's. Not here: anything but ranges of addresses.
 */
#ifndef ROOTS_H
#define ROOTS_H

#include <stdbool.h>
#include <stdint.h>

struct pointers;

/* What pointers_seal says of roots. The blocks are in order already. Returns 0 or -ENOMEM;
 * on failure the roots are as they were. */
int roots_settle(struct pointers *pointers, uint32_t page_bytes, bool is_glibc);

#endif
