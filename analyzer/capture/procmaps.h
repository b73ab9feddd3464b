/* SPDX-License-Identifier: MIT */
/*
 * procmaps.h - the mappings of a running process, from /proc/PID/smaps.
 *
 * Guarantees: in order of address. The recorder's own memory is told by its being left out
 * of core dumps (VmFlags dd, which the recorder asks for), its windows by the dump's file.
 * Threads: one at a time. Memory: procmaps_done.
 * Source: proc(5).
 */
#ifndef PROCMAPS_H
#define PROCMAPS_H

#include <stddef.h>
#include <stdint.h>

#include "image.h"

struct procmaps {
	char *text;
	struct image_raw *items; /* paths are in the text */
	uint64_t *inodes;	 /* of each */
	size_t count, room;
	uint64_t rss_bytes, file_bytes; /* of the whole process; file-backed of these */
};

/* Reads them. dump_inode: inode of the dump, or 0: nothing is known of it. Returns 0 or a
 * negative errno: -ESRCH (no such process), -EACCES, -ENOMEM, -EBADMSG. */
int procmaps_read(struct procmaps *maps, int pid, uint64_t dump_inode);
void procmaps_done(struct procmaps *maps);

#endif
