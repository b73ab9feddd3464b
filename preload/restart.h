/* SPDX-License-Identifier: MIT */
/*
 * restart.h - begins a system call anew that a signal handler of ours interrupted.
 *
 * SA_RESTART does it for some; poll, nanosleep and others return EINTR all the same
 * (signal(7), "Interruption of system calls"). Their instruction is executed once more,
 * with its arguments, which are in the registers still; a timeout begins anew with it.
 * Guarantees: no lock, no errno; for signal handlers.
 */
#ifndef RESTART_H
#define RESTART_H

#include <ucontext.h>

struct parked;

/* Changes the context that a handler returns to, if nothing but EINTR has come back from
 * the call that the thread was seen in. */
void restart_call(const struct parked *own, ucontext_t *context);

#endif
