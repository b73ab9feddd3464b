/* SPDX-License-Identifier: MIT */
/*
 * symbolwire.h - messages between mftrace and the process that reads ELF files for it.
 *
 * One message is one datagram of a SOCK_SEQPACKET pair: a kind, then numbers and strings.
 * mftrace asks, the other answers; while it answers it may itself ask for files, which are
 * handed over as descriptors. The two sides never send at the same time.
 *
 *   SYMBOLWIRE_OPEN       -> slot, build-id, path, and the file's descriptor
 *   SYMBOLWIRE_OPENED     <- status (enum symbolwire_status)
 *   SYMBOLWIRE_NAMES      -> slot, count, then so many addresses
 *   SYMBOLWIRE_STRINGS    <- count, then so many strings; numbered from 1 in the order in
 *                            which they come, over the whole life of the process
 *   SYMBOLWIRE_FRAMES     <- count, then so many lists, one for each address asked for, in
 *                            order, over as many messages as it takes. A list: count, then
 *                            frames (function, linker's name, file: numbers of strings, 0
 *                            for none; line), innermost first
 *   SYMBOLWIRE_OBJECT     -> slot, address
 *   SYMBOLWIRE_OBJECT_IS  <- name (number of a string), offset
 *   SYMBOLWIRE_WANT_FILE  <- path of a debug file
 *   SYMBOLWIRE_WANT_DEBUG <- build-id of a debug file to be fetched from a server
 *   SYMBOLWIRE_FILE       -> 0 and the descriptor, or an error number
 *
 * Guarantees: a reader never looks past the end of a message: what is missing reads as 0
 * and sets `bad`. A writer that runs out of room sets `bad`, and nothing is sent.
 * Threads: none. Memory: none that stays.
 * Not here: who may open what (symbolpath.h), what is answered (symbolserver.h).
 */
#ifndef SYMBOLWIRE_H
#define SYMBOLWIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A datagram is at most so long, and a string in it. */
#define SYMBOLWIRE_BYTES 65536u
#define SYMBOLWIRE_STRING_BYTES 32768u
/* Addresses in one SYMBOLWIRE_NAMES, and slots of files. */
#define SYMBOLWIRE_ADDRESSES 8000u
#define SYMBOLWIRE_SLOTS 65536u
#define SYMBOLWIRE_BUILD_ID_BYTES 64u

enum symbolwire_kind {
	SYMBOLWIRE_OPEN = 1,
	SYMBOLWIRE_OPENED,
	SYMBOLWIRE_NAMES,
	SYMBOLWIRE_STRINGS,
	SYMBOLWIRE_FRAMES,
	SYMBOLWIRE_OBJECT,
	SYMBOLWIRE_OBJECT_IS,
	SYMBOLWIRE_WANT_FILE,
	SYMBOLWIRE_WANT_DEBUG,
	SYMBOLWIRE_FILE,
};

enum symbolwire_status {
	SYMBOLWIRE_FINE,
	SYMBOLWIRE_OTHER_BUILD, /* the build-id is another one */
	SYMBOLWIRE_NO_ELF,
	SYMBOLWIRE_NO_MEMORY,
};

struct symbolwire {
	size_t at;  /* read so far */
	size_t end; /* received, or written so far */
	bool bad;
	int fd; /* that came with the message, the reader's; -1: none */
	uint8_t bytes[SYMBOLWIRE_BYTES];
};

/* Begins a message. */
void symbolwire_begin(struct symbolwire *wire, enum symbolwire_kind kind);
void symbolwire_put(struct symbolwire *wire, uint64_t number, size_t bytes);
void symbolwire_put_bytes(struct symbolwire *wire, const void *bytes, size_t count);
/* Overwrites a number written before at this place. */
void symbolwire_set(struct symbolwire *wire, size_t place, uint64_t number, size_t bytes);
/* How many more bytes fit. */
size_t symbolwire_room(const struct symbolwire *wire);

/* The next number of so many bytes, at most 8. */
uint64_t symbolwire_get(struct symbolwire *wire, size_t bytes);
/* The next bytes that symbolwire_put_bytes wrote; they lie in the message, followed by a 0
 * that does not count. NULL, and `bad`: there are none, or more than `most`. */
const char *symbolwire_get_bytes(struct symbolwire *wire, size_t most, size_t *ret_count);

/* Sends the message and, unless it is -1, a descriptor, which stays the caller's. Returns 0
 * or a negative errno: -EMSGSIZE (it is bad), -EPIPE (nobody is there). */
int symbolwire_send(const struct symbolwire *wire, int socket, int fd);

/* Waits for a message, at most timeout_ms (negative: for ever), and takes its kind. Returns
 * 0; -ETIMEDOUT; -EPIPE (the other side has ended); -EBADMSG; another negative errno. */
int symbolwire_receive(struct symbolwire *wire, int socket, int timeout_ms,
		       enum symbolwire_kind *ret_kind);

#endif
