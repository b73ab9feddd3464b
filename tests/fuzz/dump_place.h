/* SPDX-License-Identifier: MIT */
/*
 * dump_place.h - what a byte of a dump belongs to.
 *
 * Goes by the dump's own words, so the dump has to be an intact one.
 * Threads: any. Memory: none.
 */
#ifndef DUMP_PLACE_H
#define DUMP_PLACE_H

#include <stddef.h>

struct mutation_dump;

enum dump_place {
	PLACE_HEADER,
	PLACE_CHUNK_HEADER,
	PLACE_RECORDS,
	PLACE_BEHIND,	  /* the zeros behind the last record of a chunk, or its padding */
	PLACE_RING_STATE, /* chunks of other kinds, but for the journal's */
	PLACE_JOURNAL,	  /* of a ring's state: not read once the process has ended */
	PLACE_NO_CHUNK,	  /* room for one */
	DUMP_PLACES
};

/* In words, as in "records". */
extern const char *const dump_places[DUMP_PLACES];

enum dump_place dump_place(const struct mutation_dump *dump, size_t offset);

#endif
