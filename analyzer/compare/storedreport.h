/* SPDX-License-Identifier: MIT */
/*
 * storedreport.h - what `mftrace report --json` wrote, read again.
 *
 * The file may come from anywhere: its size is limited, every member that is used is
 * checked for its type and range, and strings are made safe to print. Members that are not
 * known are passed over, as the schema asks of readers.
 * Guarantees: a report that was written with --top, and so lacks sites, is as good as any;
 * what is not in it counts as 0.
 * Threads: none. Memory: as in dumprun.h; while reading, some eight times the file.
 * Not here: which file is a report (side.h).
 */
#ifndef STOREDREPORT_H
#define STOREDREPORT_H

#include <stdint.h>

struct complaint;
struct measured_run;
struct symbols;

#define STOREDREPORT_BYTES_MAX (UINT64_C(1) << 30)

/* Reads the file at path into an empty run, which is the caller's also on failure. Returns
 * 0, or a negative errno with *complaint: what open and read say, -EFBIG; -EBADMSG (not
 * JSON: line and column; or not a report: the member), -EPROTONOSUPPORT (another schema),
 * -ENOMEM. */
int storedreport_read(const char *path, struct symbols *symbols, struct measured_run *run,
		      struct complaint *complaint);

#endif
