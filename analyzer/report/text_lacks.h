/* SPDX-License-Identifier: MIT */
/*
 * text_lacks.h - which recordings of a comparison are not whole, and why: their figures are
 * compared as they are.
 *
 * Threads: none. Memory: none that stays.
 */
#ifndef TEXT_LACKS_H
#define TEXT_LACKS_H

struct side;
struct terminal;

/* "base: 2 processes, such as perl, pid 12: events were lost", a paragraph for each reason;
 * nothing where all are whole. Returns 0 or -ENOMEM. */
int text_lacks(const struct terminal *terminal, const char *name, const struct side *side);

#endif
