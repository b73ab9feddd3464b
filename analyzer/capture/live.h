/* SPDX-License-Identifier: MIT */
/*
 * live.h - a running process as an image, and its resident pages as a snapshot.
 *
 * Guarantees: touches no page that is not in memory.
 * Threads: one at a time. Memory: live_done.
 * Not here: stopping it (standstill.h), finding its dump (traced.h).
 */
#ifndef LIVE_H
#define LIVE_H

#include <stdint.h>

#include "image.h"
#include "procmaps.h"

struct live {
	int pid;
	struct procmaps maps;
	struct image image;
};

/* Looks at a process: its mappings and which of their pages are in memory. Adds no threads.
 * dump_inode: of its dump. Returns 0 or a negative errno: -EPERM (memory may not be read),
 * -ESRCH, -EACCES, -ENOMEM. */
int live_open(struct live *live, int pid, uint64_t dump_inode);

/* Adds its threads, which run, with what the kernel tells of their stack pointers: that is
 * true of those that wait in a system call. Returns 0 or a negative errno. */
int live_add_running_threads(struct live *live);
void live_done(struct live *live);

#endif
