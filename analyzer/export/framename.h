/* SPDX-License-Identifier: MIT */
/*
 * framename.h - what frames and processes are called in other tools' formats.
 *
 * Guarantees: a name is never empty, is valid UTF-8 and has no control characters.
 * Threads: any. Memory: results are the caller's (free).
 * Not here: escaping for a format, which is the format's business.
 */
#ifndef FRAMENAME_H
#define FRAMENAME_H

struct callnode;
struct profile;

/* What a stack begins with whose outer frames are not known. */
#define FRAMENAME_TRUNCATED "[callers not known]"

/* The function; where it is not known, "libfoo.so+0x1234" or the address. Returns NULL
 * where memory is short. */
char *framename_new(const struct callnode *node);

/* The linker's name of the function, or the same as above. */
char *framename_linker_new(const struct callnode *node);

/* "sqlite3 (pid 4711)". Returns NULL where memory is short. */
char *framename_process_new(const struct profile *profile);

/* The program and its arguments, with a space in between. Returns NULL where memory is
 * short. */
char *framename_command_new(const struct profile *profile);

/* The last part of a path. */
const char *framename_base(const char *path);

#endif
