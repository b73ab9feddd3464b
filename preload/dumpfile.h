/* SPDX-License-Identifier: MIT */
/*
 * dumpfile.h - the dump as a file: created, grown, mapped chunk by chunk.
 *
 * Guarantees: nothing is ever written through a descriptor; space is reserved before it is
 * mapped, so a full disk or a file size limit stops the recording (with a reason in the
 * header) and never signals the program. The descriptor has a high number, is checked to
 * be still ours before each use, and is found again by path if the program closed it.
 * Threads: chunks are handed out by one atomic add; every function but dumpfile_create and
 * dumpfile_abandon may be called by any thread at any time.
 * Not here: what is in the chunks.
 */
#ifndef DUMPFILE_H
#define DUMPFILE_H

#include <stdbool.h>
#include <stdint.h>

#include "config.h"
#include "mft_format.h"

struct dumpfile {
	struct mft_header *header; /* mapped; NULL: there is no dump */
	int fd;
	uint64_t device, inode;
	uint32_t reserved_chunks; /* atomic; space for so many is there */
	uint32_t stopped;	  /* atomic; no more chunks */
	char path[CONFIG_PATH_BYTES];
};

/* Creates a new file at path, or at path with ".1", ".2", ... when that exists, and puts
 * *initial on its first page. Mode 0600, never through a link, never over a file. Returns
 * 0 or -errno. */
int dumpfile_create(struct dumpfile *file, const char *path,
		    const struct mft_header *initial);

/* Takes and maps the next chunk, zero-filled and writable. Returns its number, or a
 * negative errno when recording has stopped; header.stop_reason then says why. */
int64_t dumpfile_take_chunk(struct dumpfile *file, struct mft_chunk **ret_chunk);

void dumpfile_unmap_chunk(struct dumpfile *file, struct mft_chunk *chunk);

/* Gives back the space reserved behind the last chunk. Only while no other thread can take
 * a chunk. */
void dumpfile_trim(struct dumpfile *file);

/* In a forked child: lets go of the parent's file without touching it. */
void dumpfile_abandon(struct dumpfile *file);

/* Moves fd to a number that programs do not reach for. Returns the new one, or fd itself
 * when the limit leaves no room. */
int dumpfile_high_descriptor(int fd);

#endif
