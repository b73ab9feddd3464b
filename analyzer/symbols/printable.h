/* SPDX-License-Identifier: MIT */
/*
 * printable.h - text from a traced program made safe to show.
 *
 * Names, arguments and paths in a dump can hold anything: escape sequences that would
 * drive the reader's terminal, characters that turn text around (U+202E), bytes that are no
 * UTF-8.
 * Guarantees: the result is valid UTF-8; every byte that does not belong there is shown as
 * a backslash, x and two hexadecimal digits.
 * Threads: any. Memory: results are the caller's (free).
 * Not here: escaping for a format (JSON's is done by the JSON library).
 */
#ifndef PRINTABLE_H
#define PRINTABLE_H

#include <stddef.h>

/* A copy of text without control characters (C0, DEL, C1), without those that change the
 * direction of text, end lines, are invisible or no characters, and without broken UTF-8.
 * Returns NULL where memory is short. */
char *printable_new(const char *text);

/* The same, but all characters stay: for formats that escape them themselves. */
char *printable_utf8_new(const char *text);

/* How many columns a terminal needs for the first `bytes` of UTF-8 text; each character
 * counts as one. */
size_t printable_columns(const char *text, size_t bytes);

/* How many bytes of text fit in so many columns, whole characters only. */
size_t printable_fit(const char *text, size_t columns);

#endif
