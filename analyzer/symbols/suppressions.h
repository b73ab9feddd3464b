/* SPDX-License-Identifier: MIT */
/*
 * suppressions.h - the rules that a report goes by: built in, and from the user's files.
 *
 * Rules are tried in order, the user's first; the first that fits a call stack and the kind
 * of its blocks takes these blocks, and counts them.
 * Guarantees: files are read up to SUPPRESSIONS_BYTES_MAX and judged as a whole.
 * Threads: one at a time. Memory: suppressions_free.
 * Not here: the syntax (suppression_syntax.h), printing.
 */
#ifndef SUPPRESSIONS_H
#define SUPPRESSIONS_H

#include <stdbool.h>
#include <stddef.h>

#include "suppression.h"
#include "suppression_match.h"

struct calltree;
struct calltree_view;
struct complaint;
struct profile;

#define SUPPRESSIONS_BYTES_MAX (16u << 20)

struct suppressions {
	struct suppression_list rules;
	struct suppression_seen *stack; /* the one at hand, room for reuse */
	size_t stack_room;
};

/* Without rules. Returns NULL where memory is short. */
struct suppressions *suppressions_new(void);
void suppressions_free(struct suppressions *set);

/* Adds the rules of a file behind those that are there. Returns 0, or a negative errno with
 * *complaint: what open and read say, -EISDIR, -EFBIG, or suppression_syntax_read's. */
int suppressions_add_file(struct suppressions *set, const char *path,
			  struct complaint *complaint);

/* Adds the built-in rules. Returns 0 or -ENOMEM. */
int suppressions_add_defaults(struct suppressions *set);

/* Takes the blocks that rules fit out of a profile's leaks: moves them, site by site and
 * kind by kind, to `suppressed`. Once for each profile. Returns 0 or -ENOMEM. */
int suppressions_apply(struct suppressions *set, const struct calltree *tree,
		       struct calltree_view *view, struct profile *profile);

/* The allocation function (enum mft_op), which a recorded stack does not name, as rules see
 * it; its strings are constants. */
void suppressions_allocation_function(uint8_t op, struct suppression_seen *ret_seen);

/* Goes through the rules for a report, from *next (0 at first) on: the user's, then the
 * built-in ones that took something, those of one name as one. Returns false at the end;
 * *ret_rule points into the set. */
bool suppressions_next(const struct suppressions *set, size_t *next,
		       struct suppression *ret_rule);

#endif
