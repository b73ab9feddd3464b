/* SPDX-License-Identifier: MIT */
/*
 * scratch.h - a file for one test's dump.
 *
 * In memory (memfd), reached through its path below /proc, so that a test leaves nothing
 * behind however it ends.
 */
#ifndef SCRATCH_H
#define SCRATCH_H

struct scratch {
	int fd;
	char path[32];
};

/* An empty file. Fails the test where there is none to be had. */
void scratch_open(struct scratch *scratch);
void scratch_close(struct scratch *scratch);

#endif
