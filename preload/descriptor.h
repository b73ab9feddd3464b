/* SPDX-License-Identifier: MIT */
/*
 * descriptor.h - a file's descriptor in a program that has other plans for its numbers.
 *
 * A program may close any descriptor and get the number again for a file of its own. So
 * ours are numbers that it does not reach for, and are asked what file they stand for
 * before they are used.
 * Guarantees: nothing is opened through a link at the path's end, over a file that exists,
 * or for others to read. Threads: any. Memory: none.
 * Not here: which file is the dump (dumpfile.h).
 * Source: open(2), fcntl(2) (F_DUPFD_CLOEXEC), statx(2).
 */
#ifndef DESCRIPTOR_H
#define DESCRIPTOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Creates a file at path, or at path with ".1", ".2", ... where that exists, mode 0600, and
 * puts the path that it has into ret_path, of `bytes` bytes. Returns a descriptor that is
 * closed on exec; or -ENAMETOOLONG, -EEXIST (all of the numbers are taken) or another
 * negative errno. */
int descriptor_create(const char *path, char *ret_path, size_t bytes);

/* Moves fd to a number that programs do not reach for. Returns the new one, or fd itself
 * when the limit leaves no room. */
int descriptor_raise(int fd);

/* What file a descriptor stands for. Returns 0 or a negative errno. */
int descriptor_identify(int fd, uint64_t *ret_device, uint64_t *ret_inode);

/* Whether it is this one; false where nobody can tell. */
bool descriptor_is(int fd, uint64_t device, uint64_t inode);

#endif
