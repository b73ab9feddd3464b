/* SPDX-License-Identifier: MIT */
/*
 * suppression_syntax.h - text into suppression rules: LeakSanitizer's and Valgrind's
 * syntax.
 *
 * Told apart rule by rule, so that one file may hold both. Lines that begin with '#' and
 * empty lines mean nothing.
 *
 *   leak:PATTERN          LeakSanitizer: found anywhere in the function, module or source
 *                         file of any frame; '*' stands for any text, '^' at the beginning
 *                         and '$' at the end tie it to the ends.
 *   {                     Valgrind: a name; the tools and the kind of error; for leaks
 *     name                perhaps the kinds; then the frames, innermost first, of which a
 *     Memcheck:Leak       call stack may have more. fun: a function (linker's or readable
 *     match-leak-kinds: definite
 *     fun:malloc          name), obj: path of the module, src: file or file:line, with '*'
 *     ...                 for any text and '?' for one character; "..." for any number
 *     obj:*libfoo.so*     of frames.
 *   }
 *
 * Valgrind's rules for other tools, and for errors that are no leaks, are passed over.
 * Sources: LeakSanitizer's design page (github.com/google/sanitizers/wiki), section
 * "Suppressions"; the Valgrind manual, 2.5 "Suppressing errors" and 4.2.
 * Guarantees: works on the text alone; reads nothing but its bytes, which may be anything;
 * limits below keep memory proportional to them.
 * Threads: any. Memory: the rules are the list's.
 */
#ifndef SUPPRESSION_SYNTAX_H
#define SUPPRESSION_SYNTAX_H

#include <stddef.h>

struct complaint;
struct suppression_list;

#define SUPPRESSION_LINE_BYTES_MAX 4096u
#define SUPPRESSION_FRAMES_MAX 256u
#define SUPPRESSION_RULES_MAX 100000u

/* Appends the rules of a text to a list. origin: the name of the file, NULL for what is
 * built in. Returns 0, or a negative errno with "line N: WHY" in *complaint: -EINVAL (not
 * in either syntax), -E2BIG (one of the limits), -ENOMEM; the list is then as before. */
int suppression_syntax_read(const char *text, size_t bytes, const char *origin,
			    struct suppression_list *list, struct complaint *complaint);

#endif
