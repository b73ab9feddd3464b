/* SPDX-License-Identifier: MIT */
/*
 * registers.h - a stopped thread's registers as words, and its stack pointer.
 *
 * From the layout in which ptrace and core files give them (NT_PRSTATUS). General registers
 * only, as memcheck has it: what is left in vector registers after a copy, by whoever made
 * it, would keep lost blocks alive.
 * Threads: any. Memory: none.
 */
#ifndef REGISTERS_H
#define REGISTERS_H

#include <stddef.h>

struct image_thread;

/* Asks ptrace for the registers of a thread that stands still. What cannot be had is left
 * out. */
void registers_of_thread(struct image_thread *thread);

/* Takes general registers, as in elf_gregset_t. */
void registers_take_general(struct image_thread *thread, const void *set, size_t bytes);

#endif
