/* SPDX-License-Identifier: MIT */
/*
 * running.h - whether the process that a dump is of still runs.
 *
 * Asked of /proc, by the process's number and the instant of its start, which no other
 * process shares (proc(5), /proc/PID/stat, field 22).
 * Threads: any. Memory: none.
 * Not here: what else may have become of it (fate.h).
 */
#ifndef RUNNING_H
#define RUNNING_H

#include <stdbool.h>

struct mft_header;

/* Whether the dump was recorded since this machine was started; only then anything can be
 * said. */
bool running_is_known(const struct mft_header *header);

/* Whether the process runs, as what the dump is of: not where it ran another program since
 * (exec). A zombie does not run. False where nothing is known. */
bool running_now(const struct mft_header *header);

#endif
