/* SPDX-License-Identifier: MIT */
/*
 * fold_modules.h - the modules that a ring dump's facts describe, where programs load the
 * same libraries again and again.
 *
 * Each time gets a number of its own (docs/format.md). The first description of a file
 * stays in the facts, and the state's call stacks go by its number for good. Of later ones
 * only the last are kept, since records that are yet to be folded may need them: a new one
 * takes the place of the oldest.
 * Guarantees: facts and stacks do not grow with how often a library is loaded. A module
 * whose path is very long is kept each time. Threads: as fold.h. Memory: 40 bytes for each
 * description that is kept.
 */
#ifndef FOLD_MODULES_H
#define FOLD_MODULES_H

#include <stdbool.h>
#include <stdint.h>

struct fold_state;
struct mft_record;

/* Later descriptions of a file that are kept. A file is loaded 16 times at once at most, in
 * each of the loader's namespaces (dlmopen(3)). */
#define FOLD_MODULES_LATER 32u

struct fold_modules {
	struct fold_module {
		uint64_t identity; /* a hash of path, build-id and size */
		uint32_t id;	   /* that the description in the facts has */
		uint32_t first_id; /* of the first module with this identity */
		uint32_t chunk;	   /* of the facts */
		uint32_t offset;   /* in it, of the record */
		uint32_t bytes;	   /* the whole record's */
		bool is_first;
	} * modules;
	uint32_t count, room;
	bool has_later; /* some are not the first */
};

void fold_modules_done(struct fold_modules *modules);

/* A MODULE record. Returns 0 or a negative errno; -EBADMSG: it makes no sense. */
int fold_modules_add(struct fold_modules *modules, struct fold_state *state,
		     const struct mft_record *record);

/* The number that call stacks in the state have for a module. */
uint32_t fold_modules_first(const struct fold_modules *modules, uint32_t id);

#endif
