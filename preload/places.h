/* SPDX-License-Identifier: MIT */
/*
 * places.h - the places of a ring dump: mapped once, used again and again.
 *
 * A place is a chunk's worth of the dump, by number. All stay mapped, since any thread may
 * have to read what another one wrote. Those that hold nothing lie on a free list.
 * Guarantees: no lock, so signal handlers may come in between; what is taken is
 * zero-filled; space is reserved before it is mapped (dumpfile.h). Threads: any, but for
 * places_begin and places_done. Memory: 16 bytes for each place there can be, touched as
 * they come to be. Not here: what is in the places (ring.h, fold_state.h).
 */
#ifndef PLACES_H
#define PLACES_H

#include <stdbool.h>
#include <stdint.h>

#include "dumpfile.h"

#define PLACES_MOST (1u << 20)
#define PLACES_NONE 0u /* place 0 is the ring's root, and nobody else's */

struct places {
	struct dumpfile *file;
	struct place {
		uint8_t *address; /* atomic; NULL: not there yet */
		uint32_t next;	  /* atomic; the chunk of the same stream that follows */
		uint32_t next_free;
	} * table;
	/* Atomic: a count of changes, and the first place of each list. */
	uint64_t free;
	uint64_t retired;     /* those whose space was given back */
	uint32_t free_count;  /* atomic; a hint */
	uint32_t used;	      /* atomic: places that the ring has, the free ones included */
	uint32_t most;	      /* that it may have; grows with the streams. Atomic */
	enum mft_stop reason; /* why none could be added last */
};

/* bytes: how much the ring may hold. Returns 0 or -ENOMEM. */
int places_begin(struct places *places, struct dumpfile *file, uint64_t bytes);

/* Unmaps all, in a forked child: nobody uses them there. */
void places_done(struct places *places);

/* Maps new places at the file's end, `count` of them one behind the other. Returns 0 and
 * the first one's number, or a negative errno: there is no more space. */
int places_add(struct places *places, uint32_t count, uint32_t *ret_first);

static inline uint8_t *places_address(const struct places *places, uint32_t place)
{
	/* Partner: places_add. */
	return __atomic_load_n(&places->table[place].address, __ATOMIC_ACQUIRE);
}

/* Takes a free place. Returns it, or PLACES_NONE. It is to be wiped before it is used. */
uint32_t places_pop(struct places *places);
void places_push(struct places *places, uint32_t place);

/* Takes a place that the ring did not have yet, as long as it may have more; beyond that
 * where `beyond` is set. Returns 0; -EAGAIN: it may not; or what places_add returns. */
int places_extend(struct places *places, bool beyond, uint32_t *ret_place);

/* The ring may not have more places than it has: there is no space for them. */
void places_settle(struct places *places);

/* A free place of the ring's, which is the ring's no more; PLACES_NONE: there is none. It
 * is to be wiped. */
uint32_t places_take_out(struct places *places);

/* How many places the ring has beyond what it may have. */
uint32_t places_excess(const struct places *places);

/* Gives a place's space back to the file system, until more places are needed. */
void places_retire(struct places *places, uint32_t place);

/* Makes a place free to look at: without magic, and zeros behind. At no instant can what it
 * held be taken for something else. */
void places_wipe(const struct places *places, uint32_t place);

#endif
