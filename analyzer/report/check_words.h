/* SPDX-License-Identifier: MIT */
/*
 * check_words.h - a verdict in words, the same in every format.
 *
 * Guarantees: texts are safe to print; escaping for a format is the format's.
 * Threads: any. Memory: what ends in _new is the caller's (free); NULL: memory is short.
 */
#ifndef CHECK_WORDS_H
#define CHECK_WORDS_H

#include <stddef.h>

#include "figure.h"

struct gauge;
struct measured_frame;
struct measured_site;
struct verdict;

/* "64.0 MiB", "12,000", "30.0%"; "unknown". */
struct figure check_figure(const struct gauge *gauge, double value);

/* "parser, pid 12: peak 72.0 MiB, over its budget of 64.0 MiB (--max-peak)" */
char *check_sentence_new(const struct verdict *verdict);

/* "12.0 MiB", or "12.0 MiB, was 8.00 MiB" of the nth culprit. */
char *check_share_new(const struct verdict *verdict, size_t n);

/* "parse_node  src/parser.c:120" */
char *check_frame_new(const struct measured_frame *frame, const char *root);

/* Only where it is: "src/parser.c:120", "[libfoo.so]", "libfoo.so+0x12ab". */
char *check_frame_place_new(const struct measured_frame *frame, const char *root);

/* The sentence, the culprits with their innermost frames, and the next command, a line
 * each: for formats that take a text. */
char *check_story_new(const struct verdict *verdict, const char *root);

/* The frame to point at: of those that are shown the first whose file lies below the root,
 * else the first with a file; NULL: there is none. */
const struct measured_frame *check_place(const struct measured_site *site,
					 const char *root);

/* The file as seen from the root; itself where it lies elsewhere. A relative name that
 * begins with ../ is taken from a build directory below the root if there is such a file.
 */
const char *check_relative(const char *file, const char *root);

/* "budget", "regression", "new-leak"; "passed", "failed", "unknown" */
const char *check_kind_name(const struct verdict *verdict);
const char *check_status_name(const struct verdict *verdict);

#endif
