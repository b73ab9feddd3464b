/* SPDX-License-Identifier: MIT */
/*
 * numbering.h - gives things numbers, from 1 on, the same one whenever a thing comes again.
 *
 * For formats that define names and frames once and then refer to them.
 * Threads: none. Memory: a copy of each key; numbering_done.
 * Not here: what the keys mean.
 */
#ifndef NUMBERING_H
#define NUMBERING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct numbering_entry;

struct numbering {
	struct numbering_entry *entries;
	uint32_t count;
};

/* What tells two frames apart wherever they are called from; see numbering_frame. */
struct numbering_frame_key {
	const char *function;
	const char *file;
	const char *module;
	uint64_t address; /* of frames without a function */
	uint64_t line;	  /* 0: lines do not count */
};

struct callnode;

/* An empty one is all zeros. */
void numbering_done(struct numbering *numbering);

/* The number of a key; *ret_new: it had none yet. A key's padding counts, too. Returns 0 or
 * -ENOMEM. */
int numbering_get(struct numbering *numbering, const void *key, size_t key_bytes,
		  uint32_t *ret_number, bool *ret_new);

/* The key of a frame; by_line: the same function is another frame in another line. NULL is
 * the frame that stands for unknown callers. */
struct numbering_frame_key numbering_frame(const struct callnode *node, bool by_line);

#endif
