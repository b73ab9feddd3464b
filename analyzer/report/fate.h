/* SPDX-License-Identifier: MIT */
/*
 * fate.h - what became of a traced process.
 *
 * A dump says that its process exited or ran another program; one that says neither is of
 * a process that still runs, or that was killed. Whether it runs, running.h knows.
 * Threads: any. Memory: none.
 */
#ifndef FATE_H
#define FATE_H

struct mft_header;

enum fate {
	FATE_EXITED,
	FATE_EXEC,
	FATE_RUNNING,
	FATE_KILLED,
	FATE_UNKNOWN /* recorded on another machine, or before the last boot */
};

enum fate fate_of(const struct mft_header *header);

/* "exited", "exec", "running", "killed", "unknown" */
const char *fate_name(enum fate fate);

#endif
