/* SPDX-License-Identifier: MIT */
/*
 * cmd_complaining.h - how the verbs say on stderr what went wrong.
 *
 * Guarantees: one line, whatever the file or the program is called.
 * Threads: none. Memory: none that stays.
 * Not here: why it went wrong; library code leaves that in a struct complaint.
 */
#ifndef CMD_COMPLAINING_H
#define CMD_COMPLAINING_H

/* Prints "mftrace: ABOUT: WHAT". about is a file, a verb, a process as the user named it,
 * and is made safe to show; what is printed as it is. */
void complain(const char *about, const char *what);

#endif
