/* SPDX-License-Identifier: MIT */
/*
 * symbolserver.h - the process that reads ELF files: answers what symbolwire.h asks.
 *
 * Guarantees: whatever it is asked or reads, it answers, or ends and is missed by nobody:
 * mftrace then goes without the names (symbolclient.h). It never returns.
 * Memory: all of the process's. Files stay open, and strings are sent once.
 * Not here: what it may do (sandbox.h).
 */
#ifndef SYMBOLSERVER_H
#define SYMBOLSERVER_H

struct sandbox_limits;

/* Confines the calling process, whose other descriptors it closes, and answers on the
 * socket until its other end is closed. */
_Noreturn void symbolserver_run(int socket, const struct sandbox_limits *limits);

#endif
