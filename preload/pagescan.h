/* SPDX-License-Identifier: MIT */
/*
 * pagescan.h - where a large mapping has pages, without a look at each of its pages.
 *
 * A sanitizer's shadow, or the heap that a runtime reserves, spans terabytes of which
 * next to nothing is in memory: to ask page by page takes minutes. The kernel goes through
 * its page tables and skips what is not there (ioctl PAGEMAP_SCAN, since Linux 6.7).
 * Guarantees: no allocation, no errno, no lock.
 * Threads: any. Memory: the caller's.
 * Not here: small mappings; /proc/self/pagemap says as much of them in one read.
 * Source: Documentation/admin-guide/mm/pagemap.rst.
 */
#ifndef PAGESCAN_H
#define PAGESCAN_H

#include <stddef.h>
#include <stdint.h>

/* From this size on a mapping is scanned. */
#define PAGESCAN_BYTES_LEAST (UINT64_C(1) << 30)
/* A mapping beyond this is not looked at where the kernel cannot scan. */
#define PAGESCAN_BYTES_WITHOUT (UINT64_C(1) << 36)

/* Pages that are present and not the page of zeros; addresses. The kernel's own layout. */
struct pagescan_run {
	uint64_t start, end;
	uint64_t categories;
};

/* Finds up to `most` runs between start and end by /proc/self/pagemap, open as pagemap.
 * Stores how far it came in *ret_position: end, if there are no more. Returns their number
 * or a negative errno, -ENOTTY where the kernel cannot. */
long pagescan(int pagemap, uintptr_t start, uintptr_t end, struct pagescan_run *ret_runs,
	      size_t most, uintptr_t *ret_position);

#endif
