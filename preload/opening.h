/* SPDX-License-Identifier: MIT */
/*
 * opening.h - begins the dump of this process: its name, its header, its file.
 *
 * Guarantees: what a user has to know of a dump that cannot be created is said on standard
 * error, once, and by the process that the library was loaded into alone: a child's
 * standard error may be anything. Threads: one at a time, while the process is
 * PROCESS_BEGINNING (process.h). Memory: static.
 * Not here: the file's growth (dumpfile.h), what the header says at the end (process.h).
 */
#ifndef OPENING_H
#define OPENING_H

#include <stdbool.h>

/* Sets process.output, from process.config and process.cwd, while the working directory is
 * still the one in which the user named it. Returns 0, -ENOENT (there is no directory any
 * more) or -ENAMETOOLONG. */
int opening_settle_output(void);

/* Creates process.dump, by the name that process.output gives this process, with its
 * header; and its ring, where one is asked for. forked: as a copy of
 * process.parent_dump_id. Returns whether there is a dump. */
bool opening_create(bool forked);

#endif
