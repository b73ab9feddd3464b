/* SPDX-License-Identifier: MIT */
/*
 * dumpset.h - which dumps the user means: a file, several, or a directory.
 *
 * A directory stands for the dumps in it (not below it); its other files are passed over.
 * A file is taken at its word and judged when it is read.
 * Guarantees: opens regular files only; never blocks on one. The order is the user's; in a
 * directory, by name.
 * Threads: none. Memory: dumpset_done.
 * Not here: reading dumps beyond their header (replay.h); who is whose child (family.h).
 */
#ifndef DUMPSET_H
#define DUMPSET_H

#include <stdbool.h>
#include <stddef.h>

struct complaint;
struct mft_header;

struct dumpset_item {
	char *path;
	bool from_directory; /* found, not named by the user */
};

struct dumpset {
	struct dumpset_item *items;
	size_t count;
	size_t room;
};

void dumpset_init(struct dumpset *set);
void dumpset_done(struct dumpset *set);

/* Adds the file, or the dumps in the directory. Returns 0, or a negative errno with
 * *complaint: -ENOENT (nothing there, or a directory without dumps), -EACCES, -ENOMEM ...
 */
int dumpset_add(struct dumpset *set, const char *path, struct complaint *complaint);

/* Reads a file's header. Returns true and sets *ret_header where it is a dump of a version
 * that is known. */
bool dumpset_header(const char *path, struct mft_header *ret_header);

#endif
