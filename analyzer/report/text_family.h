/* SPDX-License-Identifier: MIT */
/*
 * text_family.h - several processes in a text report: the tree as a table.
 *
 * Threads: none. Memory: none that stays.
 */
#ifndef TEXT_FAMILY_H
#define TEXT_FAMILY_H

struct report;
struct terminal;

/* One line a process, children indented below their parents, and a line of sums. */
void text_family(const struct terminal *terminal, const struct report *report);

#endif
