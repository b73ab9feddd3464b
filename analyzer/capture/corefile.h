/* SPDX-License-Identifier: MIT */
/*
 * corefile.h - a core file as a snapshot of the process whose dump is at hand.
 *
 * Of a process that crashed, and of one that gcore looked at and that went on: then what
 * the dump recorded after the core file was written does not count.
 * Guarantees: a core of another process is refused: pid, and place and build-id of what was
 * loaded, must be the dump's. Sizes in the file are checked before use.
 * Threads: one at a time. Memory: the snapshot is the caller's (snap_free).
 * Source: core(5), elf(5); <sys/procfs.h>.
 */
#ifndef COREFILE_H
#define COREFILE_H

struct complaint;
struct snap;

/* Reads the core file of the process that wrote a dump. Returns 0; or a negative errno with
 * *complaint: -EBADMSG (no core file, or damaged), -ENOTSUP (of another kind of machine),
 * -ESTALE (of another process), -ENOMEM, or what open and read say. */
int corefile_read(const char *core_path, const char *dump_path, struct snap **ret_snap,
		  struct complaint *complaint);

#endif
