/* SPDX-License-Identifier: MIT */
/*
 * cfi_columns.h - what call frame instructions say of one code address: where the frame
 * begins, and how the caller's stack pointer, frame pointer and return address are got.
 *
 * Guarantees: no lock, no allocation, some 400 bytes of stack; nothing is read outside the
 * entry.
 * Memory: expressions are not copied. They lie in the module's tables, and are valid while
 * that is loaded.
 * Sources: DWARF 5, 6.4 and 7.24; System V ABI, AMD64 supplement, table 3.36 (numbers of
 * registers).
 * Not here: evaluating expressions (cfi_expression.h), choosing a rule (cfi.h).
 */
#ifndef CFI_COLUMNS_H
#define CFI_COLUMNS_H

#include <stdbool.h>
#include <stdint.h>

#include "cfi_tables.h"

#define CFI_FP 6u   /* rbp */
#define CFI_SP 7u   /* rsp */
#define CFI_RIP 16u /* in the return address's column */

enum cfi_how {
	CFI_SAME,	   /* as it is in this frame */
	CFI_UNDEFINED,	   /* not to be had */
	CFI_AT_CFA,	   /* kept at CFA + offset */
	CFI_IS_CFA,	   /* is CFA + offset */
	CFI_IN_REGISTER,   /* in a register; the CFA: register + offset */
	CFI_AT_EXPRESSION, /* kept where the expression says */
	CFI_IS_EXPRESSION, /* what the expression says */
};

/* Small, since instructions may set whole rows of them aside. */
struct cfi_column {
	uint8_t how;	 /* enum cfi_how */
	uint8_t reg;	 /* CFI_IN_REGISTER; CFI_NO_REGISTER: one that nobody knows */
	uint16_t length; /* of the expression, bytes */
	int32_t offset;	 /* CFI_AT_CFA, CFI_IS_CFA, the CFA in a register; expressions: from
			  * where the entry's own instructions end */
};

#define CFI_NO_REGISTER 255u

/* System V ABI, AMD64, 3.2.1: the registers that functions leave as they were, other than
 * those that any frame has: rbx, r12 to r15. */
#define CFI_KEPT 5u
#define CFI_KEPT_NUMBER(i) ((i) == 0 ? 3u : 11u + (i))

struct cfi_columns {
	struct cfi_column cfa; /* CFI_IN_REGISTER, CFI_IS_EXPRESSION, or CFI_UNDEFINED */
	struct cfi_column sp;  /* CFI_SAME: it is the CFA, as the ABI has it */
	struct cfi_column fp;
	struct cfi_column ra;
	struct cfi_column kept[CFI_KEPT]; /* CFI_KEPT_NUMBER tells whose */
};

/* The columns at pc, which the entry covers. columns: meaningless on
 * failure. Returns false for instructions that are not known, go on beyond the
 * entry's end, or have operands of a size that no compiler needs. */
bool cfi_columns_read(const struct cfi_entry *entry, uintptr_t pc,
		      struct cfi_columns *columns);

/* The expression of a column of that entry. */
static inline struct cfi_bytes cfi_column_expression(const struct cfi_entry *entry,
						     const struct cfi_column *column)
{
	const uint8_t *start = entry->instructions.end + column->offset;

	return (struct cfi_bytes){start, start + column->length, false};
}

#endif
