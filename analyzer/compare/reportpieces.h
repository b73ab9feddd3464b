/* SPDX-License-Identifier: MIT */
/*
 * reportpieces.h - a stored report as text, cut into its call sites and the rest.
 *
 * Reports of big programs have hundreds of megabytes, nearly all of them call sites. So
 * the elements of processes[].sites are handed out one at a time as they are read, and
 * everything else is kept: the same text with these arrays empty. Compressed files
 * (gzip) are inflated.
 * Guarantees: what is handed out and what is kept may be any text; that it is JSON is for
 * its reader to see. Lines of what is kept are those of the file.
 * Threads: none. Memory: what is kept, and the longest element; both are limited.
 * Not here: what is in them (storedreport.h).
 */
#ifndef REPORTPIECES_H
#define REPORTPIECES_H

#include <stddef.h>
#include <stdint.h>

/* More text than this, inflated, is no report. */
#define REPORTPIECES_BYTES_MAX (UINT64_C(1) << 34)
#define REPORTPIECES_REST_MAX ((size_t)1 << 28)
#define REPORTPIECES_ELEMENT_MAX ((size_t)1 << 26)

/* An element of processes[process].sites, which begins at that line and column. */
typedef void reportpieces_fn(void *context, size_t process, const char *text, size_t bytes,
			     unsigned line, unsigned column);

/* Reads from fd, which is taken over, to its end. Returns 0 and sets *ret_rest, the
 * caller's, and *ret_bytes; or -EFBIG, -ENOMEM, -EBADMSG (damaged where it is compressed),
 * or what reading says. */
int reportpieces_read(int fd, reportpieces_fn *take, void *context, char **ret_rest,
		      size_t *ret_bytes);

#endif
