/* SPDX-License-Identifier: MIT */
/*
 * ringsense.h - whether the state of a ring dump can be true.
 *
 * Threads: one at a time. Memory: 24 bytes a site, while it lasts.
 */
#ifndef RINGSENSE_H
#define RINGSENSE_H

struct ring;

/* Checks that what the parts of a state refer to is there, and that sums are those of their
 * parts. All places that count must be in order. Sets *ret_what to what makes no sense,
 * NULL: all does. Returns 0 or -ENOMEM. */
int ringsense_check(const struct ring *ring, const char **ret_what);

#endif
