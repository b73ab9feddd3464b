/* SPDX-License-Identifier: MIT */
/*
 * cmd_sides.h - reading a run for the verbs that compare, with a line of progress.
 *
 * Threads: none. Memory: none that stays.
 * Not here: what a side is (side.h).
 */
#ifndef CMD_SIDES_H
#define CMD_SIDES_H

struct dumpset;
struct side;
struct side_wish;

/* Adds one more run to a side: what `path` names, or, unless set is NULL, the dumps of the
 * set under that name. Of the wish, which may be NULL, progress does not count. Returns 0,
 * or a negative errno after saying what is wrong. */
int cmd_sides_add(struct side *side, const char *path, const struct dumpset *set,
		  const struct side_wish *wish);

#endif
