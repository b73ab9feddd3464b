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

/* A thread's view of chunks that follow one another in the file. Mapping changes stop all
 * threads of the process for a moment: the more a thread writes, the more it gets at once.
 */
struct dumpfile_window {
	uint8_t *start; /* NULL: none */
	uint32_t chunks;
	uint32_t taken;
};

#define DUMPFILE_WINDOW_CHUNKS_MOST 8u

/* Takes the next chunk of the window, zero-filled and writable; when it has none left, maps
 * the next one, of twice as many chunks, and puts the old one into *ret_old, to be unmapped
 * when nothing more is written to it (start NULL: there is none). Returns 0, or a negative
 * errno when recording has stopped; header.stop_reason then says why. */
int dumpfile_take_chunk(struct dumpfile *file, struct dumpfile_window *window,
			struct dumpfile_window *ret_old, struct mft_chunk **ret_chunk);

void dumpfile_unmap(struct dumpfile *file, struct dumpfile_window *window);

/* Gives back the space reserved behind the last chunk. Only while no other thread can take
 * a chunk. */
void dumpfile_trim(struct dumpfile *file);

/* In a forked child: lets go of the parent's file without touching it. */
void dumpfile_abandon(struct dumpfile *file);

/* Moves fd to a number that programs do not reach for. Returns the new one, or fd itself
 * when the limit leaves no room. */
int dumpfile_high_descriptor(int fd);

#endif
