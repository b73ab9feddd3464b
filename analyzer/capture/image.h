/* SPDX-License-Identifier: MIT */
/*
 * image.h - a process as it is seen from outside: its memory, its threads.
 *
 * Made of a running process (live.h) or of a core file (corefile.h); what is a root and
 * which words point into the heap is found in the same way in both (imagescan.h).
 * Guarantees: mappings are in order of address and apart from each other; what is the
 * recorder's own is not among them.
 * Threads: one at a time. Memory: image_done.
 * Not here: where the bytes come from.
 */
#ifndef IMAGE_H
#define IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum image_kind {
	IMAGE_BRK = 1,	  /* the heap that brk grows; known of a running process only */
	IMAGE_ANON,	  /* private anonymous and writable: anything */
	IMAGE_MAIN_STACK, /* the first thread's; known of a running process only */
	IMAGE_MODULE,	  /* writable, of a program or library */
	IMAGE_OTHER,	  /* writable, of a file or shared */
	IMAGE_CONST,	  /* read-only data of a module */
};

struct image_run {
	uint64_t start, end;
};

struct image_mapping {
	uint64_t start, end;
	enum image_kind kind;
	size_t first_run, runs; /* of it, what can be read */
	uint64_t absent_pages;	/* swapped out, or not in the core file */
};

#define IMAGE_REGISTERS_MOST 64u

struct image_thread {
	int tid;
	bool stopped;	/* registers and stack pointer are true */
	uint64_t stack; /* stack pointer; 0: not known */
	uint64_t registers[IMAGE_REGISTERS_MOST];
	size_t registers_count;
};

struct image {
	uint32_t page_bytes;
	struct image_mapping *mappings;
	size_t mappings_count, mappings_room;
	struct image_run *runs;
	size_t runs_count, runs_room;
	struct image_thread *threads;
	size_t threads_count, threads_room;
	/* Reads memory of the process. Returns how many bytes there were from address on,
	 * or a negative errno. */
	int64_t (*read)(void *context, void *buffer, size_t bytes, uint64_t address);
	void *context;
};

/* A mapping as the system shows it, before it is known what it is. */
struct image_raw {
	uint64_t start, end;
	bool readable, writable, executable, shared;
	bool from_file;	  /* of a file */
	bool header;	  /* the beginning of that file */
	bool own;	  /* the recorder's: memory or a window onto its dump */
	const char *path; /* of the file, or "[heap]" and the like; "" */
};

void image_done(struct image *image);

/* Sorts out raw mappings, which are in order of address; image->read must work by now.
 * Modules are told by their ELF headers in memory. Adds no runs. Returns 0 or -ENOMEM. */
int image_build(struct image *image, const struct image_raw *raws, size_t count);

/* Each returns 0 or -ENOMEM. A run belongs to the mapping that runs were last added to. */
int image_add_run(struct image *image, size_t mapping, uint64_t start, uint64_t end);
int image_add_thread(struct image *image, const struct image_thread *thread);

/* The mapping that holds an address, or NULL. */
const struct image_mapping *image_find(const struct image *image, uint64_t address);

/* Whether blocks of an allocator may lie in it. */
static inline bool image_is_target(const struct image_mapping *mapping)
{
	return mapping->kind == IMAGE_BRK || mapping->kind == IMAGE_ANON;
}

#endif
