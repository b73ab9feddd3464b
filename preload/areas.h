/* SPDX-License-Identifier: MIT */
/*
 * areas.h - the process's mappings as a scan for pointers sees them.
 *
 * Guarantees: no lock, no allocation but one mapping of memory.h's; nothing is asked of the
 * loader. What is the recorder's own is not among them: this library, its memory, the
 * dump's windows (but the blocks of early.h, which are the program's).
 * Threads: one at a time; the others had better stand still. Memory: areas_done.
 * Not here: which of them are roots (roots.h).
 */
#ifndef AREAS_H
#define AREAS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct peek;

enum area_kind {
	AREA_BRK = 1,
	AREA_ARENA,	 /* a heap of one of glibc's further arenas */
	AREA_ANON,	 /* private anonymous and writable: anything */
	AREA_MAIN_STACK, /* the first thread's */
	AREA_MODULE,	 /* writable, of a program or library */
	AREA_OTHER,	 /* writable, of a file or shared */
	AREA_CONST,	 /* read-only data of a module */
	AREA_CODE,	 /* of a module */
};

struct area {
	uintptr_t start, end;
	enum area_kind kind;
	bool guarded;		/* right below it nothing may be read */
	uint32_t module;	/* number in the dump, or MFT_MODULE_NONE */
	uintptr_t lowest_stack; /* of the stack pointers that point here; 0: none does */
};

struct areas {
	struct area *items; /* in order of address, apart from each other */
	size_t count;
	bool complete; /* false: there were more */
};

/* Whether words are to be looked for in it. */
static inline bool area_is_scanned(const struct area *area)
{
	return area->kind < AREA_CONST;
}

/* Whether blocks may lie in it. */
static inline bool area_is_target(const struct area *area)
{
	return area->kind <= AREA_ANON;
}

/* Whether its memory is of no file, nor shared: reading what is present cannot fault. */
static inline bool area_is_anonymous(const struct area *area)
{
	return area->kind <= AREA_MAIN_STACK;
}

/* Lists them as they are now. Modules are those that modules_refresh found last. Returns 0,
 * or -errno: there is no list. */
int areas_read(struct areas *areas, struct peek *peek, size_t page_bytes);
void areas_done(struct areas *areas);

/* The area that holds address, or NULL. */
struct area *areas_find(const struct areas *areas, uintptr_t address);

#endif
