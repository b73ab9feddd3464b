/* SPDX-License-Identifier: MIT */
/*
 * memory.h - the recorder's own memory, kept apart from the program's.
 *
 * Anonymous mappings, zero-filled, known as ours when a snapshot looks at the process. They
 * are marked MADV_DONTDUMP: different flags keep the kernel from merging them with the
 * program's mappings next to them, and core dumps free of them.
 * Guarantees: no lock, no errno, safe in signal handlers; NULL when memory is short.
 */
#ifndef MEMORY_H
#define MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

void *memory_map(size_t bytes);
void memory_unmap(void *start, size_t bytes);

/* Whether any of start..end was mapped here. */
bool memory_is_own(uintptr_t start, uintptr_t end);

#endif
