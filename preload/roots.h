/* SPDX-License-Identifier: MIT */
/*
 * roots.h - which memory holds pointers without being the heap's.
 *
 * Writable segments of modules, mappings, and of the threads: stacks from the stack pointer
 * up, registers, descriptors with static thread-local storage. What lies below a stack
 * pointer is a root only where it is not certain that it is the rest of the stack: a stack
 * of glibc's has an unreadable page below it. Stacks that glibc keeps of threads that have
 * ended are none; they are told by the descriptor at their end, which points to itself.
 * Whether a mapping is the program's own or its allocator's is for the reader to say.
 *
 * Guarantees: no lock, no errno; roots_learn alone asks the loader.
 * Threads: one at a time, the others parked.
 */
#ifndef ROOTS_H
#define ROOTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct areas;
struct pageset;
struct parked;
struct recorder;

struct roots {
	struct recorder *recorder;
	struct areas *areas;
	const struct pageset *pages;
	const struct parked *threads;
	size_t threads_count;
	uintptr_t stack_pointer; /* of the calling thread, above the recorder's frames */
	int tid;		 /* its id */
};

/* Learns how much static thread-local storage a thread has. To be called while no other
 * thread is parked: the loader's lock is taken. */
void roots_learn(void);

/* Writes SCAN_ROOT records. Returns how many found no place. */
size_t roots_write(const struct roots *roots);

#endif
