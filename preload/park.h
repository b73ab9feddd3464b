/* SPDX-License-Identifier: MIT */
/*
 * park.h - stops the process's other threads for a while, from inside.
 *
 * Each is sent a signal whose handler waits. It is the signal that glibc keeps for its own
 * setuid (33): a program cannot block it by sigprocmask, so it reaches threads that block
 * "all" signals. What is glibc's own use of it goes on to glibc's handler. The disposition
 * is put back afterwards.
 * A system call that was interrupted is begun anew when the thread goes on, also one that
 * SA_RESTART does not restart, so that no program sees EINTR because of us. (In a process
 * that dropped its privileges /proc does not say which call it was; it is then read off
 * the instructions in front, if these are as libc mostly has them.)
 * A thread that blocks even this signal is not sent it before it unblocks it, as libc does
 * where it blocks all for a moment (pthread_create); if it does not, a signal could end it
 * later. Of such a thread, and of one that does not come in time, what is known is its
 * stack pointer, if it sleeps in a system call.
 *
 * Guarantees: no ptrace, no capability; no lock is taken and none of libc's functions is
 * called that could: a parked thread may hold any. The caller must block all signals.
 * Threads: one caller at a time, process-wide. Memory: a table, which stays.
 * Not here: what /proc says of a thread (task.h).
 * Source: signal(7), futex(2).
 */
#ifndef PARK_H
#define PARK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "task.h"

enum parked_state {
	PARKED_COMING = 0, /* the signal is under way */
	PARKED_BLOCKING,   /* it was not sent, since it would not come now */
	PARKED_STOPPED,	   /* it waits in the handler */
	PARKED_RUNNING,	   /* it could not be stopped */
	PARKED_GONE,	   /* it has ended */
};

struct parked {
	int tid;
	uint32_t state; /* enum parked_state; atomic, partner: the handler */
	uint32_t plain; /* atomic; a signal without our mark is under way */
	/* Of STOPPED: */
	const uintptr_t *registers; /* as they were, in the signal's frame */
	size_t registers_count;
	uintptr_t thread_pointer;
	/* Of STOPPED, and of RUNNING if it slept; 0: not known. */
	uintptr_t stack_pointer;
	/* The system call that it slept in before; unasked: the kernel does not say. */
	bool sleeping, unasked;
	struct task_call call;
};

/* Stops all other threads. Waits for one that does not come as long as others do, or half a
 * second (a tenth where it blocks the signal), and never beyond deadline_ns
 * (CLOCK_MONOTONIC). Sets *ret_parked and *ret_count to all of them, those that ended
 * included. Returns 0, or -ENOMEM: all go on. */
int park_others(uint64_t deadline_ns, const struct parked **ret_parked, size_t *ret_count);

/* Lets them go on. */
void park_release(void);

#endif
