/* SPDX-License-Identifier: MIT */
/*
 * dumpheader.h - the first page of a dump.
 *
 * Opens the file, reads its header and says whether it is one that can be believed: the
 * magic, the version, sizes that make sense. Guarantees: opens nothing but regular files,
 * and is not held up by a FIFO or a device; after dumpheader_open no number of the header
 * is one by which the reader could divide by zero or allocate without bounds. Threads: one
 * at a time. Memory: none. Not here: chunks and streams (reader.h); the checksums'
 * arithmetic (mft_seal.h).
 */
#ifndef DUMPHEADER_H
#define DUMPHEADER_H

struct complaint;
struct reader;

/* Opens the dump at path, and sets the reader's fd, header and file_bytes. Returns 0; or a
 * negative errno with *complaint filled in, as reader_open says. reader_close closes fd,
 * also after a failure. */
int dumpheader_open(const char *path, struct reader *reader, struct complaint *complaint);

/* Holds the header to its checksums; what does not fit is noted as damage at its place. Of
 * a process that has ended just now the header is read once more. */
void dumpheader_check_seals(struct reader *reader);

#endif
