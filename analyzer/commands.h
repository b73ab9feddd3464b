/* SPDX-License-Identifier: MIT */
/*
 * commands.h - the verbs of mftrace, one function each, in cmd_<verb>.c.
 *
 * Each takes the arguments from its own name on (argv[0] is the verb) and returns the exit
 * status of mftrace: 0 fine, 1 the answer is "no", 2 wrong usage or unreadable input;
 * cmd_run returns the status of the program that it ran. They print to stdout, and their
 * errors to stderr, one line each.
 */
#ifndef COMMANDS_H
#define COMMANDS_H

int cmd_run(int argc, char **argv);
int cmd_report(int argc, char **argv);
int cmd_peak(int argc, char **argv);
int cmd_leaks(int argc, char **argv);
int cmd_snapshot(int argc, char **argv);
int cmd_pause(int argc, char **argv);
int cmd_resume(int argc, char **argv);
int cmd_flush(int argc, char **argv);
int cmd_frag(int argc, char **argv);
int cmd_diff(int argc, char **argv);
int cmd_dump(int argc, char **argv);
int cmd_info(int argc, char **argv);
int cmd_check(int argc, char **argv);
int cmd_export(int argc, char **argv);

#endif
