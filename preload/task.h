/* SPDX-License-Identifier: MIT */
/*
 * task.h - what the kernel says of another thread of this process.
 *
 * Guarantees: no allocation, no lock; the thread is not disturbed, and may end at any time.
 * Threads: any. Memory: at most 5 KiB of the caller's stack.
 * Not here: stopping one (park.h).
 * Source: proc(5) (/proc/PID/task/TID/status and syscall), tgkill(2).
 */
#ifndef TASK_H
#define TASK_H

#include <stdbool.h>
#include <stdint.h>

/* A system call that a thread sleeps in. */
struct task_call {
	long number;
	uintptr_t arguments[6];
	uintptr_t after; /* the address behind the call's instruction */
};

/* Whether the thread blocks a signal; false where the kernel does not say. */
bool task_blocks(int tid, int signal);

/* Returns 1: it sleeps in *ret_call, with *ret_stack_pointer; 0: it sleeps elsewhere, and
 * only *ret_stack_pointer is known; -EAGAIN: it runs; -EACCES: the kernel does not say, as
 * in a process that dropped its privileges. What is not known is left as it is. */
int task_read_call(int tid, struct task_call *ret_call, uintptr_t *ret_stack_pointer);

bool task_is_gone(int tid);

#endif
