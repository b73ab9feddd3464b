/* SPDX-License-Identifier: MIT */
/*
 * complaint.h - why something could not be done, in words for the user.
 *
 * Library code of the analyzer never prints. A function that can fail for a reason worth
 * telling takes a struct complaint and leaves "WHAT: WHY" in it; the command that called
 * prints `mftrace: FILE: WHAT: WHY`.
 * Threads: none. Memory: the caller's.
 */
#ifndef COMPLAINT_H
#define COMPLAINT_H

struct complaint {
	char text[512]; /* one line, no trailing newline; control bytes already escaped */
};

/* Sets the text, printf style; what does not fit is cut. complaint may be NULL. */
__attribute__((format(printf, 2, 3))) void complaint_set(struct complaint *complaint,
							 const char *format, ...);

#endif
