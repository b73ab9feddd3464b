/* SPDX-License-Identifier: MIT */
/*
 * cfi.h - how to get from a frame to its caller, from the loaded modules' .eh_frame.
 *
 * Condenses call frame information into one small rule per code address, for x86-64. What a
 * rule has no room for - expressions, the registers of an interrupted function - is worked
 * out anew each time, by cfi_step.
 * Guarantees: no lock (the table is found with _dl_find_object), no allocation, no system
 * call, some 600 bytes of stack; lengths are checked, so that odd tables give CFI_UNKNOWN
 * or CFI_NONE and no fault.
 * Sources: Linux Standard Base Core 5.0, "Exception Frames"; DWARF 5, 6.4; System V ABI,
 * AMD64 supplement, table 3.36 (register numbers).
 * Not here: walking, and caching (walk.h).
 */
#ifndef CFI_H
#define CFI_H

#include <stdbool.h>
#include <stdint.h>

#include "cfi_columns.h"
#include "cfi_expression.h"
#include "cfi_tables.h"

enum cfi_kind {
	CFI_NONE = 0,	   /* no unwind information for this address */
	CFI_STEP = 1,	   /* the caller is found as the rule says */
	CFI_OUTERMOST = 2, /* nobody called this: the return address is undefined */
	CFI_SIGNAL = 3, /* a signal handler's return code; the kernel's frame is above it */
	CFI_UNKNOWN = 4,   /* there is some, which is not understood */
	CFI_REALIGNED = 5, /* a function that aligned its stack: CFA = *(frame pointer +
			    * cfa_offset), the caller's frame pointer at that + fp_offset */
	CFI_EVALUATED = 6, /* the caller is found by cfi_step */
};

/* CFA = (from_fp ? frame pointer : stack pointer) + cfa_offset; the return address is at
 * CFA - 8; the caller's frame pointer is at CFA + fp_offset, or unchanged where that is 0.
 */
struct cfi_rule {
	uint8_t kind; /* enum cfi_kind */
	uint8_t from_fp;
	int16_t fp_offset;
	int32_t cfa_offset;
};

/* The rule at the instruction `pc` (for a return address, the address minus one). */
struct cfi_rule cfi_find(uintptr_t pc);

/* The same, from one module's tables. */
struct cfi_rule cfi_find_in(const struct cfi_module *module, uintptr_t pc);

/* Goes on to the caller of the frame at the instruction `pc`. known: that frame, at least
 * its stack pointer; then the caller's, as far as it can be known: its stack pointer, its
 * program counter, its frame pointer, and the registers that functions keep.
 * Returns false, with `known` but for `lacked` as it was, where there is no caller to be
 * had: the tables do not say, nobody called, a signal came, or the frame is not known well
 * enough. */
bool cfi_step(struct cfi_known *known, uintptr_t pc);
bool cfi_step_in(const struct cfi_module *module, struct cfi_known *known, uintptr_t pc);

#endif
