/* SPDX-License-Identifier: MIT */
/*
 * cmd_controlling.h - what the verbs that control a running process have in common: one
 * argument, its id.
 *
 * Threads: none. Memory: none that stays.
 */
#ifndef CMD_CONTROLLING_H
#define CMD_CONTROLLING_H

struct complaint;
struct traced;

struct controlling_verb {
	const char *help; /* the whole text of --help */
	/* Does it, and prints what came of it. Returns 0, or a negative errno with
	 * *complaint. path: of the dump, safe to print. */
	int (*control)(const struct traced *traced, const char *path,
		       struct complaint *complaint);
};

/* Runs the verb with its arguments; returns the exit status of mftrace: 0, or 2. */
int cmd_controlling(int argc, char **argv, const struct controlling_verb *verb);

#endif
