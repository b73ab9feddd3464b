/* SPDX-License-Identifier: MIT */
/*
 * seed_dump.h - a small dump with every kind of record, for fuzzers to begin from.
 *
 * Two streams with blocks, reallocs, mapping calls, snapshots and a scan for pointers.
 */
#ifndef SEED_DUMP_H
#define SEED_DUMP_H

#include <stdbool.h>
#include <stdint.h>

#define SEED_DUMP_CHUNK_BYTES 1024u
/* Where its live blocks lie, 64 bytes from one to the next. */
#define SEED_DUMP_HEAP 0x100000u
#define SEED_DUMP_BLOCKS 100u
#define SEED_DUMP_PROGRAM 0x400000u
#define SEED_DUMP_PID 4711

/* Writes it to a file. Returns 0 or a negative errno. */
int seed_dump_write(const char *path, uint32_t chunk_bytes, bool sealed);

#endif
