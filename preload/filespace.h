/* SPDX-License-Identifier: MIT */
/*
 * filespace.h - space in a file: reserved, so that stores into a mapping of it find it.
 *
 * Guarantees: a full disk, a quota and the limit on file sizes are error codes here, never
 * a signal (SIGBUS, SIGXFSZ). No function makes a file shorter, and what lies in a range
 * stays as it is, but for the zeros that filespace_write_zeros writes.
 * Threads: any, at any time, also for ranges that overlap. Memory: none.
 * Not here: whose file a descriptor is (descriptor.h); which ranges are in use
 * (dumpfile.h).
 * Source: fallocate(2), setrlimit(2) (RLIMIT_FSIZE), madvise(2) (MADV_POPULATE_WRITE),
 * FS_IOC_SETFLAGS(2const) (FS_NOCOW_FL).
 */
#ifndef FILESPACE_H
#define FILESPACE_H

#include <stddef.h>
#include <stdint.h>

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23 /* Linux 5.14 */
#endif

/* Has the file system (btrfs) write a new, empty file's blocks where they are, and not into
 * new ones each time, for which there may be no space. Elsewhere nothing is done. */
void filespace_keep_in_place(int fd);

/* Makes sure that there is space for `bytes` bytes from `offset` on, both of them multiples
 * of the page size, and that the file reaches as far. Returns 0, or -ENOSPC, -EDQUOT,
 * -EFBIG (beyond the limit) or another negative errno. */
int filespace_reserve(int fd, uint64_t offset, uint64_t bytes);

/* Maps a range, shared, to be read and written. Returns 0 or a negative errno. */
int filespace_map(int fd, uint64_t offset, size_t bytes, void **ret_map);

/* Puts zeros where zeros are, in reserved space: the kernel then brings in the pages many
 * at a time, and maps them so, which takes a quarter of what as many page faults do. Where
 * it does not work they come one by one. */
void filespace_write_zeros(int fd, uint64_t offset, uint64_t bytes);

#endif
