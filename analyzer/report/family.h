/* SPDX-License-Identifier: MIT */
/*
 * family.h - the processes of a report, as a tree: who started whom.
 *
 * A process is the child of the one that it was forked from (parent_id in its dump), else
 * of the one with its parent's pid. The images that one process ran by exec follow each
 * other as siblings.
 * Threads: none. Memory: family_done frees the profiles too.
 * Not here: finding the dumps (dumpset.h).
 */
#ifndef FAMILY_H
#define FAMILY_H

#include <stddef.h>

#include "fate.h"

struct profile;

#define FAMILY_NONE ((size_t)-1)

struct family_member {
	struct profile *profile;
	enum fate fate;
	size_t parent; /* index, or FAMILY_NONE */
	size_t depth;  /* 0: has no parent here */
};

struct family {
	struct family_member *members;
	size_t count;
	size_t room;
};

void family_init(struct family *family);
void family_done(struct family *family);

/* Adds a process and takes its profile over, also on failure. Returns 0 or -ENOMEM. */
int family_add(struct family *family, struct profile *profile);

/* Once all are there: finds the parents, and orders the members so that each follows its
 * parent, siblings by the time they began. Returns 0 or -ENOMEM. */
int family_arrange(struct family *family);

#endif
