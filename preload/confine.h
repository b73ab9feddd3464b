/* SPDX-License-Identifier: MIT */
/*
 * confine.h - what is done when the program is about to confine itself (seccomp(2)).
 *
 * From then on the recorder makes no system call that the program's filter refuses. If that
 * takes from it what the dump needs to grow, chunks are laid in before; when these are full
 * recording stops, with a reason (MFT_STOP_FILTER). A notice in the dump says so.
 * Guarantees: errno and the program's own system call are left alone; never fails.
 * Threads: any.
 * Not here: the filters (filter.h), the functions that install them (interpose_filter.c).
 */
#ifndef CONFINE_H
#define CONFINE_H

#include <stdbool.h>

struct filter;

/* A filter that the kernel is about to be given. */
struct confinement {
	struct filter *filter;
	bool is_nothing; /* the kernel will refuse it */
};

/* Before the system call. is_strict: the mode that leaves read, write and exit alone;
 * program: otherwise the struct sock_fprog that was given; may be any address. */
void confine_begin(struct confinement *confinement, bool is_strict, const void *program);

/* After it. */
void confine_end(struct confinement *confinement, bool succeeded);

#endif
