/* SPDX-License-Identifier: MIT */
/*
 * text_diff.h - what `mftrace diff` found, as text: each program's figures on both sides,
 * then the call sites that changed, subject by subject, those that changed most first.
 *
 * Threads: none. Memory: none that stays.
 */
#ifndef TEXT_DIFF_H
#define TEXT_DIFF_H

struct diff;
struct terminal;

/* Prints the whole of it. Returns 0 or -ENOMEM. */
int text_diff(const struct diff *diff, const struct terminal *terminal);

#endif
