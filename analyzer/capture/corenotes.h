/* SPDX-License-Identifier: MIT */
/*
 * corenotes.h - what a core file tells beside memory: threads, files, the process's id.
 *
 * Guarantees: nothing is believed that does not fit its note.
 * Threads: one at a time. Memory: corenotes_done. Source: core(5).
 */
#ifndef CORENOTES_H
#define CORENOTES_H

#include <stddef.h>
#include <stdint.h>

#include <libelf.h>

#include "image.h"

/* A part of a file that was mapped. */
struct corenotes_file {
	uint64_t start, end;
	uint64_t offset; /* in the file, bytes */
	const char *path;
};

struct corenotes {
	int pid; /* 0: it is not told */
	struct image_thread *threads;
	size_t threads_count, threads_room;
	struct corenotes_file *files; /* in order of address */
	size_t files_count;
	char *paths; /* all of them */
};

/* Returns 0 (what is missing is left empty), or -ENOMEM. */
int corenotes_read(struct corenotes *notes, Elf *elf);
void corenotes_done(struct corenotes *notes);

/* The file that an address is of, or NULL. */
const struct corenotes_file *corenotes_find(const struct corenotes *notes,
					    uint64_t address);

#endif
