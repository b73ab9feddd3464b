/* SPDX-License-Identifier: MIT */
/*
 * takesnap.h - takes a snapshot of a running process that is being recorded.
 *
 * The process stands still while its memory is looked at; where this may not be done to it
 * but its memory may be read, it runs on, and the snapshot says so (MFT_SCAN_MOVING).
 * Threads: one at a time. Memory: the snapshot is the caller's (snap_free).
 * Not here: writing it to a file (snapwriter.h).
 */
#ifndef TAKESNAP_H
#define TAKESNAP_H

#include <stdint.h>

struct complaint;
struct snap;
struct traced;

struct takesnap_result {
	struct snap *snap;
	uint64_t stopped_ns; /* how long the process stood still */
	int stop_error;	     /* 0: it did; or why it could not be stopped */
	uint32_t threads, threads_running;
	uint64_t words, absent_pages;
};

/* Returns 0; or a negative errno with *complaint: -EPERM (its memory may not be read),
 * -ESRCH, -ENOMEM ... */
int takesnap(const struct traced *traced, struct takesnap_result *ret_result,
	     struct complaint *complaint);

#endif
