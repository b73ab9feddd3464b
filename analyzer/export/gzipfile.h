/* SPDX-License-Identifier: MIT */
/*
 * gzipfile.h - bytes into a stream, compressed as gzip does it.
 *
 * Guarantees: the same bytes give the same file (no time, no name in its header).
 * Threads: none. Memory: zlib's 260 KiB and a buffer; gzipfile_free.
 * Not here: opening and closing the stream.
 */
#ifndef GZIPFILE_H
#define GZIPFILE_H

#include <stddef.h>
#include <stdio.h>

struct gzipfile;

/* Returns NULL where memory is short. The stream stays the caller's. */
struct gzipfile *gzipfile_new(FILE *out);

/* Returns 0 or -EIO: the stream has failed. */
int gzipfile_write(struct gzipfile *file, const void *bytes, size_t count);

/* Writes the end. Returns as above. */
int gzipfile_end(struct gzipfile *file);

/* NULL is fine. */
void gzipfile_free(struct gzipfile *file);

#endif
