/* SPDX-License-Identifier: MIT */
/*
 * storedreport.h - what `mftrace report --json` wrote, read again.
 *
 * The file may come from anywhere: its size is limited, every member that is used is
 * checked for its type and range, and strings are made safe to print. Members that are not
 * known are passed over, as the schema asks of readers.
 * Guarantees: a report that was written with --top lacks sites, and those count as 0;
 * judge.h knows of that. A file that gzip has compressed is read as well.
 * Threads: none. Memory: as in dumprun.h, and what is not call sites (reportpieces.h).
 * Not here: which file is a report (side.h).
 */
#ifndef STOREDREPORT_H
#define STOREDREPORT_H

struct complaint;
struct measured_run;
struct symbols;

/* Reads the file at path into an empty run, which is the caller's also on failure. Returns
 * 0, or a negative errno with *complaint: what open and read say, -EFBIG; -EBADMSG (not
 * JSON: line and column; or not a report: the member), -EPROTONOSUPPORT (another schema),
 * -ENOMEM. */
int storedreport_read(const char *path, struct symbols *symbols, struct measured_run *run,
		      struct complaint *complaint);

#endif
