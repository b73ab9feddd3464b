/* SPDX-License-Identifier: MIT */
/*
 * suppression_match.h - whether a rule fits a call stack.
 *
 * Valgrind's rules begin at the allocation function itself and may be shorter than the
 * stack; LeakSanitizer's fit where any frame does.
 * Guarantees: no recursion; time is at most proportional to text times pattern.
 * Threads: any. Memory: none.
 */
#ifndef SUPPRESSION_MATCH_H
#define SUPPRESSION_MATCH_H

#include <stdbool.h>
#include <stddef.h>

struct suppression;

/* A frame as rules see it; NULL: not known. */
struct suppression_seen {
	const char *function;	 /* readable */
	const char *linker_name; /* as the symbol table has it */
	const char *module;	 /* path */
	const char *file;
	unsigned line; /* 0: not known */
};

/* Whether a rule fits a stack of `count` frames, innermost (the allocation function) first.
 * Kinds are not looked at. */
bool suppression_match(const struct suppression *rule,
		       const struct suppression_seen *frames, size_t count);

/* Whether all of text is what a pattern with '*' and '?' describes. */
bool suppression_match_whole(const char *pattern, const char *text);

/* Whether text holds what a pattern of LeakSanitizer's describes. */
bool suppression_match_within(const char *pattern, const char *text);

#endif
