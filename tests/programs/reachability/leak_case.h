/* SPDX-License-Identifier: MIT */
/*
 * leak_case.h - the frame of a program that leaves blocks behind and knows of each how it
 * can be reached at the end: from where, from which other block, or not at all.
 *
 * Guarantees: after leak_case() returns, no register and no word of stack that its caller's
 * functions left behind holds an address of a block, except where the program put it. The
 * truth is printed with truth.h and does not allocate.
 * Threads: all may count; one prints. Memory: none of its own.
 * Not here: which function allocates; that is each program's subject.
 *
 * The object: {"pid": N, "definite": {"bytes": N, "blocks": N}, "indirect": {...},
 * "possible": {...}, "reachable": {...}, "sites": {}}, in the sense of memcheck's manual.
 */
#ifndef LEAK_CASE_H
#define LEAK_CASE_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#ifdef __cplusplus
extern "C" {
#endif

enum leak_kind {
	LEAK_DEFINITE = 0,
	LEAK_INDIRECT,
	LEAK_POSSIBLE,
	LEAK_REACHABLE,
	LEAK_KINDS,
};

/* A function whose frame must be gone, or be found by name, after it returned. */
#ifdef __clang__
#define LEAK_SITE __attribute__((noinline))
#else
#define LEAK_SITE __attribute__((noinline, noclone))
#endif

/* States that blocks of `bytes` altogether are of a kind at the end. */
void leak_expect(enum leak_kind kind, uint64_t blocks, uint64_t bytes);

/* Overwrites the stack below the caller's frame, and the registers that calls may change.
 */
void leak_scrub(void);

/* Prints the truth and forgets it. `more`: the value of a member "more", as JSON, or NULL.
 */
void leak_print(const char *more);

/* Runs build(), which leaves the blocks behind, wipes what it left on the stack, and prints
 * the truth. Returns 0, main's status. */
int leak_case(void (*build)(void));

/* The compiler must not know what becomes of a pointer's target. */
static inline void leak_escape(const volatile void *pointer)
{
	__asm__ volatile("" : : "r"(pointer) : "memory");
}

/* A cleared block, the caller's own allocation, that is of a kind at the end. */
static inline __attribute__((always_inline)) void *leak_block(size_t bytes,
							      enum leak_kind kind)
{
	void *block = calloc(1, bytes);

	leak_escape(block);
	leak_expect(kind, 1, bytes);
	return block;
}

/* *ret_slot = the address of `offset` bytes into a new cleared block, of which nothing else
 * is left: the caller's registers and frame have seen this address only. */
void leak_into(void *volatile *ret_slot, size_t bytes, size_t offset, enum leak_kind kind);

/* block[index] = pointer, really. */
static inline void leak_put(void *block, size_t index, const void *pointer)
{
	((const void *volatile *)block)[index] = pointer;
}

/* An address inside a block. */
static inline void *leak_inside(void *block, size_t offset)
{
	return (char *)block + offset;
}

#ifdef __cplusplus
}
#endif
#endif
