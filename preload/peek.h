/* SPDX-License-Identifier: MIT */
/*
 * peek.h - reads the process's own memory where a plain load could fault.
 *
 * A mapping that may be read can still fault: its file was cut, or a protection key forbids
 * it. So memory is read as a file, /proc/self/mem, which a process may always do to itself:
 * neither a capability nor ptrace is needed. Where that file cannot be opened (a process
 * that has dropped its privileges is not dumpable) it is read with plain loads.
 * Anonymous memory that is present faults by protection keys alone; for the calling thread
 * they are all open between peek_open and peek_close.
 * Guarantees: no errno, no allocation, no lock. Threads: one at a time.
 * Source: pkeys(7); Intel SDM, "Protection Keys".
 */
#ifndef PEEK_H
#define PEEK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct peek {
	int memory; /* descriptors; negative: not to be had */
	int pagemap;
	uint32_t keys; /* the thread's rights before */
};

void peek_open(struct peek *peek);
void peek_close(struct peek *peek);

/* Reads `bytes` at address into buffer. Returns how many could be read. */
size_t peek_bytes(struct peek *peek, uintptr_t address, void *buffer, size_t bytes);

/* Reads so many words. Returns whether it read them all. */
bool peek_words(struct peek *peek, uintptr_t address, uintptr_t *ret_words, size_t count);

/* What is known of a page. */
#define PEEK_PRESENT 1u
#define PEEK_SWAPPED 2u

/* Looks at the pages from start on, at most `most`. Fills ret_pages with PEEK_* and returns
 * for how many pages, at least one; 0: it cannot be told. */
size_t peek_pages(struct peek *peek, uintptr_t start, size_t most, size_t page_bytes,
		  uint8_t *ret_pages);

#endif
