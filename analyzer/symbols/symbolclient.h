/* SPDX-License-Identifier: MIT */
/*
 * symbolclient.h - asks a confined process for names (symbolserver.h), and does without
 * where that fails.
 *
 * The process is begun when the first file is opened, as a fork of mftrace. It gets the
 * files that symbolpath.h allows as open descriptors, and nothing else.
 * Guarantees: if the process crashes, hangs, uses too much memory or answers nonsense, that
 * costs the names of the file at hand; for the next one it is begun anew. After some such
 * failures no more names are asked for, so hostile files cost a bounded time.
 * All strings are safe to print, whatever the process says.
 * Threads: none. Memory: strings belong to the pool that is given.
 * Not here: caching by address (symbols.h).
 */
#ifndef SYMBOLCLIENT_H
#define SYMBOLCLIENT_H

#include <stddef.h>
#include <stdint.h>

#include "sandbox.h"

struct stringpool;
struct symbolclient;

#define SYMBOLCLIENT_DEPTH_MAX 64

/* Generous: no real file is known that comes near. */
#define SYMBOLCLIENT_LIMITS                                                                \
	{                                                                                  \
		.memory_bytes = 4ull << 30, .cpu_seconds = 60                              \
	}

/* A module's file, the caller's; set path (which stays the caller's) and build_id, the rest
 * is zero-filled. */
struct symbolclient_file {
	const char *path;
	const uint8_t *build_id;
	size_t build_id_bytes; /* 0: not known */
	uint32_t slot;
	uint32_t generation; /* of the process that has it open; 0: none */
};

/* A function at an address; strings NULL: not known. */
struct symbolclient_frame {
	const char *function;	 /* readable */
	const char *linker_name; /* where it is another */
	const char *file;
	unsigned line;
};

/* roots: as symbolpath_new takes them. Returns NULL where memory is short. */
struct symbolclient *symbolclient_new(struct stringpool *strings, const char *roots,
				      const struct sandbox_limits *limits);
void symbolclient_free(struct symbolclient *client);

/* The three calls below open the file where it is not open. They return 0 or
 *   -ENOENT     there is no such file
 *   -ESTALE     there is only another build of it
 *   -EINVAL     it is no regular file
 *   -EXDEV      it is outside of the roots
 *   -ENOEXEC    it is no ELF file
 *   -ETIMEDOUT  reading it took too long
 *   -EPIPE      the process that read it died
 *   -EPROTO     the process answered nonsense
 *   -ENOBUFS    reading it takes more memory than is allowed
 *   -ECANCELED  too many files have failed before
 *   -ENOMEM     memory is short here
 * After any error but -ENOMEM there are no names from this file. */
int symbolclient_open(struct symbolclient *client, struct symbolclient_file *file);

/* Takes what is at the address of that index, innermost first; count is at least 1. Returns
 * 0 or an error that ends symbolclient_names. */
typedef int symbolclient_take_fn(void *context, size_t index,
				 const struct symbolclient_frame *frames, size_t count);

/* What is at `count` addresses of the file: calls `take` for each, in order. */
int symbolclient_names(struct symbolclient *client, struct symbolclient_file *file,
		       const uint64_t *addresses, size_t count, symbolclient_take_fn *take,
		       void *context);

/* The variable at an address, and how far into it that is; *ret_name NULL: none known. */
int symbolclient_object(struct symbolclient *client, struct symbolclient_file *file,
			uint64_t address, const char **ret_name, uint64_t *ret_offset);

#endif
