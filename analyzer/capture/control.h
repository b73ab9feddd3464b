/* SPDX-License-Identifier: MIT */
/*
 * control.h - tells a process that is being recorded to pause or to go on, through a word
 * in the header of its dump; and brings a dump to the disk.
 *
 * Neither a signal nor ptrace: writing to the dump is all that it takes.
 * Threads: one at a time. Memory: none.
 * Not here: what a pause leaves out (format.md).
 */
#ifndef CONTROL_H
#define CONTROL_H

#include <stdbool.h>
#include <stdint.h>

struct complaint;
struct traced;

/* Has the process pause or go on, and waits a moment for it to notice: it looks when it
 * allocates or frees. *ret_noticed: it has. Returns 0; or a negative errno with *complaint:
 * -EACCES, -ESRCH (it has ended), others of open(2) and pwrite(2). */
int control_pause(const struct traced *traced, bool pause, bool *ret_noticed,
		  struct complaint *complaint);

/* Returns once all that is recorded up to now is on the disk, and with how many bytes that
 * is; or a negative errno with *complaint. */
int control_flush(const struct traced *traced, uint64_t *ret_bytes,
		  struct complaint *complaint);

#endif
