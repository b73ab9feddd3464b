/* SPDX-License-Identifier: MIT */
/*
 * paths.h - ways through the stack that were walked before, from its innermost frame to one
 * that is remembered (stack.h).
 *
 * A path is a row of frames, innermost first; each knows the path that is shorter by its
 * outermost frame. What lies between two slots is known from the walk, so a step is one
 * return address read and one look into a table, and at the remembered frame the path knows
 * which node all of it came to, under that frame's node. Programs whose innermost frames
 * alternate are spared the walk, and the search for each frame's node.
 *
 * Guarantees: a path is found only if every return address on it, its first slot, and each
 * frame pointer that a slot was found by are what they were when it was walked. A path that
 * another one has displaced is not found, nor what led over it: numbers are not given
 * twice. Threads: one. Memory: the table is the caller's.
 */
#ifndef PATHS_H
#define PATHS_H

#include <stdbool.h>
#include <stdint.h>

struct path {
	uint64_t address; /* of its outermost frame: where it returns to */
	uintptr_t slot;	  /* of the same */
	uintptr_t up;	  /* its caller's slot, 0: not known */
	uintptr_t fp;	  /* the frame pointer that `up` was found by, if from_fp */
	uint32_t id;	  /* 0: free */
	uint32_t before;  /* the path without that frame, 0: there is none */
	/* Where that frame was remembered when it ended a path, 0: never; the node that it
	 * had, and the node of the whole stack. */
	uint32_t number;
	uint32_t parent;
	uint32_t node;
	int16_t fp_at; /* the caller's frame pointer, from the caller's slot; 0: not saved
			*/
	bool from_fp;
} __attribute__((aligned(64)));

/* Zero-filled is empty. */
struct paths {
	struct path *table; /* hash table, at most half full */
	uint32_t mask;	    /* its capacity, a power of two, minus one */
	uint32_t count;
	uint32_t last_id;
	uint32_t rest; /* attempts to have memory to leave out */
};

/* Where the search begins for the path that goes on from `before` to this address. */
static inline uint32_t paths_hash(uint32_t before, uint64_t address)
{
	return ((uint32_t)(address * 0x9e3779b97f4a7c15ull >> 32) + before * 0x9e3779b1u) >>
	       8;
}

/* The path that goes on from `before`, 0: begins, with the frame at this slot and address;
 * else a free place. To be called when there is a table. */
static inline struct path *paths_find(const struct paths *paths, uint32_t before,
				      uintptr_t slot, uint64_t address)
{
	uint32_t i = paths_hash(before ? before : (uint32_t)slot, address);
	struct path *path;

	for (;; i++) {
		path = &paths->table[i & paths->mask];
		if ((((path->address ^ address) | (path->slot ^ slot) |
		      (path->before ^ before)) == 0) ||
		    path->id == 0)
			return path;
	}
}

/* Makes room for so many more, forgetting all there are if need be. Returns false when
 * there is no table and memory is short. */
bool paths_reserve(struct paths *paths, uint32_t count);

/* The same path, made if it is not there; after paths_reserve. */
struct path *paths_make(struct paths *paths, uint32_t before, uintptr_t slot,
			uint64_t address);

/* Gives it a new number: what went on from it did so from another place. */
static inline void paths_renew(struct paths *paths, struct path *path)
{
	path->id = ++paths->last_id;
}

void paths_clear(struct paths *paths);

#endif
