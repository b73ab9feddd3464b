/* SPDX-License-Identifier: MIT */
/*
 * nextcommand.h - the command that tells more, ready to be copied into a shell.
 *
 * Threads: any. Memory: the text is the caller's.
 */
#ifndef NEXTCOMMAND_H
#define NEXTCOMMAND_H

/* "mftrace VERB FIRST SECOND", with paths in quotes where a shell would take them apart;
 * second may be NULL. Returns NULL where memory is short. */
char *nextcommand_new(const char *verb, const char *first, const char *second);

#endif
