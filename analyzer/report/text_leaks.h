/* SPDX-License-Identifier: MIT */
/*
 * text_leaks.h - the parts of the report on leaks.
 *
 * All print to the terminal's stream, a heading first where there is more than a field, or
 * nothing where there is nothing to tell. docs/leaks.md says what the kinds mean.
 * Threads: none. Memory: none that stays.
 */
#ifndef TEXT_LEAKS_H
#define TEXT_LEAKS_H

#include <stdbool.h>
#include <stddef.h>

struct report;
struct terminal;

/* How much of each kind there is, in all processes; what a scan lacked, or how to have one;
 * what to mend first. Returns 0 or -ENOMEM. */
int text_leaks_summary(const struct terminal *terminal, const struct report *report);

/* The sites of each kind whose bit (1 << kind) is set, a heading each. Returns 0 or
 * -ENOMEM. */
int text_leaks_sites(const struct terminal *terminal, const struct report *report,
		     unsigned kinds);

/* The cycles among lost blocks of one process, equal ones together. Returns 0 or -ENOMEM.
 */
int text_cycles(const struct terminal *terminal, const struct report *report,
		size_t member);

/* The sites that grow steadily. Returns 0 or -ENOMEM. */
int text_growth(const struct terminal *terminal, const struct report *report);

/* What holds the blocks of one process at an address (in hexadecimal, 0x...), or of the
 * sites with this id or with a function of this name (a pattern as of a shell). Returns 0
 * or -ENOMEM; *ret_found: there were any. */
int text_why(const struct terminal *terminal, const struct report *report, size_t member,
	     const char *what, bool *ret_found);

#endif
