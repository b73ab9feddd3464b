/* SPDX-License-Identifier: MIT */
/*
 * dumpfile.h - the dump as a file: created, grown, mapped chunk by chunk.
 *
 * Guarantees: records are stored into mappings; nothing but zeros is written through a
 * descriptor. Space is reserved before it is mapped, so a full disk or a file size limit
 * stops the recording (with a reason in the header) and never signals the program. The
 * descriptor has a high number, is checked to be still ours before each call with it and
 * behind each mapping, and is found again by path if the program closed it.
 * Threads: chunks are handed out by one atomic add; every function but dumpfile_create,
 * dumpfile_discard and dumpfile_abandon may be called by any thread at any time, where it
 * does not say otherwise.
 * Memory: windows onto the file, which their takers unmap.
 * Not here: what is in the chunks; descriptors (descriptor.h); space (filespace.h).
 */
#ifndef DUMPFILE_H
#define DUMPFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config.h"
#include "mft_format.h"

struct filter;

/* A thread's view of chunks that follow one another in the file. Mapping changes stop all
 * threads of the process for a moment: the more a thread writes, the more it gets at once.
 */
struct dumpfile_window {
	uint8_t *start; /* NULL: none */
	uint32_t first; /* chunk of the file */
	uint32_t chunks;
	uint32_t taken;
};

struct dumpfile {
	struct mft_header *header; /* mapped; NULL: there is no dump */
	int fd;
	uint64_t device, inode;
	uint32_t reserved_chunks; /* atomic; space for so many is there */
	uint32_t stopped;	  /* atomic; no more chunks */
	struct dumpfile_window
		laid_in; /* for when the file can grow no more; taken: atomic */
	char path[CONFIG_PATH_BYTES];
};

/* Creates a new file at path, or at path with ".1", ".2", ... when that exists, and puts
 * *initial on its first page. Mode 0600, never through a link, never over a file. Returns
 * 0 or -errno. */
int dumpfile_create(struct dumpfile *file, const char *path,
		    const struct mft_header *initial);

#define DUMPFILE_WINDOW_CHUNKS_MOST 8u

/* Takes the next chunk of the window, zero-filled and writable; when it has none left, maps
 * the next one, of twice as many chunks, and puts the old one into *ret_old, to be unmapped
 * when nothing more is written to it (start NULL: there is none). Returns 0, or a negative
 * errno when recording has stopped; header.stop_reason then says why. */
int dumpfile_take_chunk(struct dumpfile *file, struct dumpfile_window *window,
			struct dumpfile_window *ret_old, struct mft_chunk **ret_chunk);

void dumpfile_unmap(struct dumpfile *file, struct dumpfile_window *window);

/* Whether the file could grow no more if this filter (filter.h) were in force. */
bool dumpfile_would_stop(const struct dumpfile *file, const struct filter *filter);

/* Maps chunks of so many bytes, or fewer if there is no space, for all threads to take when
 * the file can grow no more. Returns 0, or a negative errno when there are none. */
int dumpfile_lay_in(struct dumpfile *file, size_t bytes);

/* Gives back the space reserved behind the last chunk. Only while no other thread can take
 * a chunk. */
void dumpfile_trim(struct dumpfile *file);

/* Another view of one chunk, zero-filled or not, for who does not own it. Returns 0, or a
 * negative errno. */
int dumpfile_map_again(struct dumpfile *file, uint32_t index, struct mft_chunk **ret_chunk);
void dumpfile_unmap_again(struct dumpfile *file, struct mft_chunk *chunk);

/* Seals the header (mft_seal.h), after everything else that the end of the process changes
 * in it. whole: no other thread of it is left. */
void dumpfile_seal(struct dumpfile *file, bool whole);

/* To be called before anything changes in a header that may be sealed. mark: the members
 * that tell how the process ended change too. */
void dumpfile_loosen(struct dumpfile *file, bool mark);

/* Maps `count` new chunks, zero-filled and writable. Returns 0 and the first one's number;
 * or a negative errno and what the reason would be: recording goes on. */
int dumpfile_map_chunks(struct dumpfile *file, uint32_t count, uint32_t *ret_first,
			uint8_t **ret_start, enum mft_stop *ret_reason);

/* Stops the recording: no more chunks. error: a negative errno. */
void dumpfile_stop(struct dumpfile *file, enum mft_stop reason, int error);

/* Gives back the space of a chunk in the midst of the file, which stays mapped; takes it
 * again, 0 or a negative errno. In between nothing may be written to it. */
void dumpfile_punch_hole(struct dumpfile *file, uint32_t index);
int dumpfile_fill_hole(struct dumpfile *file, uint32_t index);

/* Removes a dump that has just been created. */
void dumpfile_discard(struct dumpfile *file);

/* In a forked child: lets go of the parent's file without touching it. */
void dumpfile_abandon(struct dumpfile *file);

#endif
