/* SPDX-License-Identifier: MIT */
/*
 * standstill.h - stops all threads of a running process for a moment, and lets them go on.
 *
 * By ptrace's SEIZE and INTERRUPT: neither the process nor its parent sees a signal or a
 * stop, and the kernel takes up most system calls again that were interrupted; a few end
 * with EINTR as they do after a SIGCONT (signal(7) lists them: epoll_wait, semop, ...). If
 * this process dies meanwhile the kernel lets the other go on.
 * Guarantees: a thread that begins while others are being stopped is stopped too. Threads
 * that do not stop in time go on running and are marked so.
 * Threads: begin and end must be called by the same one. Memory: standstill_end.
 * Source: ptrace(2).
 * Not here: what is done meanwhile (live.h).
 */
#ifndef STANDSTILL_H
#define STANDSTILL_H

#include <stddef.h>

struct image;

struct standstill {
	struct standstill_thread *threads;
	size_t count, room;
};

/* Stops the process. Returns 0; or -EPERM (not permitted, or another tracer has it), -ESRCH
 * (it is gone), -ENOMEM; then it goes on. */
int standstill_begin(struct standstill *standstill, int pid);

/* Adds its threads with their registers to an image. Returns 0 or -ENOMEM. */
int standstill_threads(const struct standstill *standstill, struct image *image);

/* Lets it go on; signals that arrived meanwhile are delivered. Fine on all zeros. */
void standstill_end(struct standstill *standstill);

#endif
