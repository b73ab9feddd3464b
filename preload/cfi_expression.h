/* SPDX-License-Identifier: MIT */
/*
 * cfi_expression.h - the value of a DWARF expression in call frame information.
 *
 * Guarantees: as many operations as the expression has bytes at most, since nothing goes
 * back; its stack is bounded; memory is read by the caller's own function, and not at all
 * otherwise. No lock, no allocation, some 200 bytes of stack.
 * Source: DWARF 5, 2.5.1, 6.4.2 and 7.7.1. Not here: branches and calls, types,
 * thread-local storage; the values of a debugger. Such expressions have no value.
 */
#ifndef CFI_EXPRESSION_H
#define CFI_EXPRESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "cfi_bytes.h"

#define CFI_REGISTERS 17u /* the general ones, and the return address */

/* A frame, as far as it is known. */
struct cfi_known {
	uint64_t registers[CFI_REGISTERS]; /* by DWARF's numbers */
	uint32_t have;			   /* a bit for each one that is known */
	uint8_t lacked; /* the last one that was asked for and is not known */
	/* Reads a word of 8 bytes. Returns false where that cannot or may not be. */
	bool (*read)(const struct cfi_known *known, uintptr_t address, uint64_t *ret_word);
};

/* Whether the register is known; ret_value: what it holds. */
bool cfi_known_register(struct cfi_known *known, uint64_t number, uint64_t *ret_value);

/* Evaluates the expression. cfa: what its stack begins with, NULL: it begins empty. Returns
 * false when it has no value, or needs what is not known. */
bool cfi_expression_value(struct cfi_bytes expression, struct cfi_known *known,
			  const uint64_t *cfa, uint64_t *ret_value);

#endif
