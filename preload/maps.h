/* SPDX-License-Identifier: MIT */
/*
 * maps.h - the lines of /proc/self/maps, one after the other.
 *
 * Guarantees: no allocation, no errno, no lock; safe while other threads are stopped. Lines
 * are in order of address and apart from each other, also while other threads change
 * mappings: one that grows between two reads is given by the kernel a second time, from
 * its start, and by maps_next without what was there already.
 * Threads: one at a time, with a buffer of its own. Source: proc(5).
 * Not here: what a mapping is used for.
 */
#ifndef MAPS_H
#define MAPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct maps {
	int fd;
	char *buffer;
	size_t bytes; /* of the buffer; at least a line's, that is, a path's and 128 */
	char *line;   /* where the next line begins, up to filled */
	uintptr_t position; /* end of the last line's mapping */
	size_t filled;
};

struct maps_line {
	uintptr_t start, end;
	uint64_t inode;	  /* 0: no file */
	const char *path; /* in the buffer; good until the next line */
	size_t path_length;
	bool readable, writable, executable, shared;
};

/* Opens the file. Returns 0 or -errno. */
int maps_open(struct maps *maps, char *buffer, size_t bytes);
void maps_close(struct maps *maps);

/* Takes the next line. Returns 1, 0 at the end, -errno: the list is not complete. */
int maps_next(struct maps *maps, struct maps_line *ret_line);

#endif
