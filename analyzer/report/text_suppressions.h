/* SPDX-License-Identifier: MIT */
/*
 * text_suppressions.h - as text: what suppressions took, and those that took nothing.
 *
 * Threads: none. Memory: none that stays.
 */
#ifndef TEXT_SUPPRESSIONS_H
#define TEXT_SUPPRESSIONS_H

struct suppressions;
struct terminal;

/* Prints nothing where there is nothing to say, or suppressions is NULL. */
void text_suppressions(const struct terminal *terminal,
		       const struct suppressions *suppressions);

#endif
