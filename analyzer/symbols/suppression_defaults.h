/* SPDX-License-Identifier: MIT */
/*
 * suppression_defaults.h - the suppressions that are built in: what the C library, the
 * loader, the C++ library and common runtimes keep until the process ends.
 *
 * A rule is here only if what it takes cannot be the program's own: memory that the
 * library reaches through a variable of its own, allocated where none of the program's
 * functions can lie between the library and the allocator. Where a scan has classified the
 * blocks, the rules take what is reachable or possibly lost; what is definitely lost is
 * always reported.
 * Threads: any. Memory: the rules are the list's.
 */
#ifndef SUPPRESSION_DEFAULTS_H
#define SUPPRESSION_DEFAULTS_H

struct suppression_list;

/* Appends the built-in rules, which have no origin. Returns 0 or -ENOMEM. */
int suppression_defaults_add(struct suppression_list *list);

#endif
