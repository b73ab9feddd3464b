/* SPDX-License-Identifier: MIT */
/*
 * cfi_tables.h - the entry of a module's .eh_frame that covers a code address.
 *
 * Guarantees: nothing outside the given tables is read, however odd the tables are; no
 * lock, no allocation. What compilers and linkers make on Linux is understood: a sorted
 * .eh_frame_hdr, 32-bit lengths, pointers relative to where they stand.
 * Source: Linux Standard Base Core 5.0, "Exception Frames".
 * Not here: what the instructions say (cfi_columns.h).
 */
#ifndef CFI_TABLES_H
#define CFI_TABLES_H

#include <stdbool.h>
#include <stdint.h>

#include "cfi_bytes.h"

/* A loaded module's tables. */
struct cfi_module {
	const uint8_t *eh_frame_hdr;
	const uint8_t *start; /* where .eh_frame may lie, */
	const uint8_t *limit; /* and where it has ended */
};

struct cfi_entry {
	uintptr_t start; /* of the code that it covers */
	uint64_t code_align;
	int64_t data_align;
	bool is_signal;		       /* a signal handler's return code */
	struct cfi_bytes common;       /* the instructions that come before, for many */
	struct cfi_bytes instructions; /* this entry's own */
};

enum cfi_lookup {
	CFI_FOUND,
	CFI_NOT_COVERED,
	CFI_UNREADABLE, /* there may be an entry, in a form that is not understood */
};

/* Finds the entry for pc. ret_entry: set where there is one. */
enum cfi_lookup cfi_tables_find(const struct cfi_module *module, uintptr_t pc,
				struct cfi_entry *ret_entry);

#endif
