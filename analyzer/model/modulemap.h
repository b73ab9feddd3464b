/* SPDX-License-Identifier: MIT */
/*
 * modulemap.h - the modules of a dump, by the ids that its records use.
 *
 * A library that was loaded twice at the same place has two ids and is one module here.
 * A stream may use an id whose MODULE record another stream holds, later in the merged
 * order: an unknown id makes the map look through the whole dump, once.
 * Threads: one at a time. Memory: proportional to the modules; modulemap_done frees it.
 */
#ifndef MODULEMAP_H
#define MODULEMAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mft_codec.h"
#include "profile.h"

struct reader;
struct modulemap_id;
struct modulemap_key;

struct modulemap {
	struct reader *reader;
	struct profile_module *modules;
	size_t count, room;
	struct modulemap_id *ids;
	struct modulemap_key *keys;
	bool searched; /* the whole dump */
};

/* An empty map of the modules of the dump that the reader has open. */
void modulemap_init(struct modulemap *map, struct reader *reader);
void modulemap_done(struct modulemap *map);

/* Takes in the payload of a MODULE record. Returns 0, -EBADMSG or -ENOMEM. An id that is
 * known already stays what it is. */
int modulemap_add(struct modulemap *map, struct mft_bytes payload);

/* Takes in every MODULE record of the dump. Returns 0, -ENOMEM, or what pread says. */
int modulemap_search(struct modulemap *map);

/* Sets *ret_index to the index into modules, or PROFILE_NO_MODULE, of an id of the dump.
 * Returns 0; -ENOENT: no MODULE record has this id; -ENOMEM, or what pread says. */
int modulemap_find(struct modulemap *map, uint32_t id, uint32_t *ret_index);

#endif
