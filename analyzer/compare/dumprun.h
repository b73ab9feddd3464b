/* SPDX-License-Identifier: MIT */
/*
 * dumprun.h - a dump reduced to what comparisons need.
 *
 * Threads: none. Memory: the arrays of a process are freed by measured_process_done, its
 * strings with the struct symbols.
 * Not here: several dumps (side.h), stored reports (storedreport.h).
 */
#ifndef DUMPRUN_H
#define DUMPRUN_H

struct complaint;
struct measured_process;
struct side_wish;
struct symbols;

/* Replays the dump at path as wish says and fills *ret_process in. Returns 0 or a negative
 * errno with *complaint, as replay_dump_for does. */
int dumprun_read(const char *path, const struct side_wish *wish, struct symbols *symbols,
		 struct measured_process *ret_process, struct complaint *complaint);

#endif
