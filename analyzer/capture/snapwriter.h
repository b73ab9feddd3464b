/* SPDX-License-Identifier: MIT */
/*
 * snapwriter.h - what was seen of a process, as the records of a snapshot.
 *
 * Records are gathered in memory, so that a process need not wait for a disk; a snapshot
 * that is written stands whole under its name or not at all.
 * Threads: one at a time. Memory: the records', which become the snapshot's.
 * Not here: reading them (snap.h).
 */
#ifndef SNAPWRITER_H
#define SNAPWRITER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mft_codec.h"

struct image;
struct pointers;
struct procmaps;
struct snap;

struct snapwriter {
	uint8_t *bytes;
	size_t used, room;
	uint8_t *record; /* the one at hand is encoded here */
	struct mft_encoder encoder;
};

/* Each returns 0 or a negative errno, -ENOMEM. */
int snapwriter_init(struct snapwriter *writer);
void snapwriter_done(struct snapwriter *writer);

/* Puts the resident pages of all mappings of a running process. */
int snapwriter_put_pages(struct snapwriter *writer, int pid, uint32_t page_bytes,
			 const struct procmaps *maps);

/* Puts a scan. */
int snapwriter_put_scan(struct snapwriter *writer, const struct pointers *pointers);

/* Hands the records over to a snapshot. */
void snapwriter_finish(struct snapwriter *writer, struct snap *snap);

/* Writes a snapshot to a file, by way of another name. Returns 0 or a negative errno. */
int snapwriter_save(const struct snap *snap, const char *path);

#endif
