/* SPDX-License-Identifier: MIT */
/*
 * suppression.h - a rule that takes unfreed blocks of known call stacks out of the leaks.
 *
 * Both syntaxes, LeakSanitizer's and Valgrind's, become the same rules: a list of patterns
 * for the frames of a call stack, innermost first.
 * Threads: none. Memory: a list and its rules own their strings; suppression_list_done.
 * Not here: reading files of rules (suppression_syntax.h), comparing a rule with a stack
 * (suppression_match.h), which rules a report uses and what they matched (suppressions.h).
 */
#ifndef SUPPRESSION_H
#define SUPPRESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "profile.h"

enum suppression_syntax {
	SUPPRESSION_LSAN,
	SUPPRESSION_VALGRIND,
};

/* Leak kinds that a rule is about, as bits. */
#define SUPPRESSION_DEFINITE (1u << PROFILE_LEAK_DEFINITE)
#define SUPPRESSION_INDIRECT (1u << PROFILE_LEAK_INDIRECT)
#define SUPPRESSION_POSSIBLE (1u << PROFILE_LEAK_POSSIBLE)
#define SUPPRESSION_REACHABLE (1u << PROFILE_LEAK_REACHABLE)
/* Blocks that no scan has classified; rules of every kind take them. */
#define SUPPRESSION_UNFREED (1u << PROFILE_LEAK_UNFREED)
#define SUPPRESSION_ALL                                                                    \
	(SUPPRESSION_DEFINITE | SUPPRESSION_INDIRECT | SUPPRESSION_POSSIBLE |              \
	 SUPPRESSION_REACHABLE | SUPPRESSION_UNFREED)

/* What of a frame a pattern is compared with. */
enum suppression_what {
	SUPPRESSION_FUNCTION, /* fun: */
	SUPPRESSION_OBJECT,   /* obj: path of the module */
	SUPPRESSION_SOURCE,   /* src: file, perhaps with a line */
	SUPPRESSION_ANYTHING, /* leak: function, module or source file */
	SUPPRESSION_FRAMES,   /* ... any number of frames, also none */
};

struct suppression_frame {
	enum suppression_what what;
	char *pattern;	/* NULL for SUPPRESSION_FRAMES */
	char *readable; /* the same as source code has it where the pattern is a linker's
			 * name without wildcards, else NULL */
	unsigned line;	/* of SUPPRESSION_SOURCE; 0: any */
};

struct suppression {
	enum suppression_syntax syntax;
	char *name;	/* Valgrind's first line, or LeakSanitizer's pattern */
	char *origin;	/* file it was read from; NULL: built in */
	unsigned line;	/* there, of its beginning */
	unsigned kinds; /* bits */
	struct suppression_frame *frames;
	size_t count;
	/* What it took, over all processes of a report. */
	uint64_t blocks, bytes;
	uint64_t sites;
};

struct suppression_list {
	struct suppression *items;
	size_t count, room;
};

/* An empty list is all zeros. Appends an empty rule and returns it (good until the next
 * call), or NULL: memory is short. */
struct suppression *suppression_list_add(struct suppression_list *list);

/* Drops all rules from the given count on. */
void suppression_list_cut(struct suppression_list *list, size_t count);
void suppression_list_done(struct suppression_list *list);

/* Appends a frame with a copy of a pattern (NULL for SUPPRESSION_FRAMES). Returns 0 or
 * -ENOMEM. */
int suppression_add_frame(struct suppression *rule, enum suppression_what what,
			  const char *pattern, size_t bytes, unsigned line);

#endif
