/* SPDX-License-Identifier: MIT */
/*
 * symbolprocess.h - mftrace's end of the process that reads ELF files: begun, limited,
 * talked to, ended.
 *
 * Guarantees: nothing that the process sends is believed before it was checked; its strings
 * are made safe to print. Files that it asks for are handed over only if symbolpath.h
 * allows them, or a server has them (debugfetch.h). Each request gets some processor time
 * and no more, each file some address space.
 * Threads: none. Memory: strings belong to the pool that is given.
 * Not here: what is asked (symbolclient.h).
 */
#ifndef SYMBOLPROCESS_H
#define SYMBOLPROCESS_H

#include <stdint.h>
#include <sys/types.h>

#include "debugfetch.h"
#include "sandbox.h"
#include "symbolwire.h"

struct stringpool;
struct symbolpath;

/* All but what begins with "of this process" is set by the owner, and stays his. */
struct symbolprocess {
	struct stringpool *pool;
	const struct symbolpath *paths;
	struct debugfetch *fetch;
	struct sandbox_limits limits;
	int socket;	      /* of this process; -1: there is none */
	pid_t pid;	      /* of this process */
	unsigned wishes;      /* of this process, since the last request */
	const char **strings; /* of this process, by number; 0: NULL */
	uint32_t strings_count, strings_room;
	uint64_t string_bytes;
	struct symbolwire wire; /* the message at hand */
};

/* Begins a process. Returns 0 or -EPIPE: that is not possible here. */
int symbolprocess_start(struct symbolprocess *process);

/* Ends it, if there is one. Returns the signal that had ended it before, or 0. */
int symbolprocess_end(struct symbolprocess *process);

/* Ends it and frees what it left. */
void symbolprocess_done(struct symbolprocess *process);

/* Sends the request in process->wire, with a file (fd, which stays the caller's; -1: none),
 * and waits for an answer of that kind, which is then in process->wire. Returns 0, -ENOMEM
 * (memory is short here), or another negative errno after which the process is of no use.
 */
int symbolprocess_ask(struct symbolprocess *process, int fd, enum symbolwire_kind answer);

/* Waits for another answer to the last request. Returns as symbolprocess_ask does. */
int symbolprocess_await(struct symbolprocess *process, enum symbolwire_kind answer);

/* The string whose number comes next in process->wire; NULL: none, or the wire is bad. */
const char *symbolprocess_string(struct symbolprocess *process);

#endif
