/* SPDX-License-Identifier: MIT */
/*
 * cfi.h - how to get from a frame to its caller, from the loaded modules' .eh_frame.
 *
 * Reads the call frame information that compilers really emit and condenses it into one
 * small rule per code address, for x86-64. What a rule cannot say is left to libunwind.
 * Guarantees: no lock (the table is found with _dl_find_object), no allocation, no system
 * call, some 300 bytes of stack; lengths are checked, so that odd tables give CFI_COMPLEX
 * or CFI_NONE and no fault.
 * Sources: Linux Standard Base Core 5.0, "Exception Frames"; DWARF 5, 6.4; System V ABI,
 * AMD64 supplement, table 3.36 (register numbers).
 * Not here: walking (stack_walk.h), caching.
 */
#ifndef CFI_H
#define CFI_H

#include <stdbool.h>
#include <stdint.h>

enum cfi_kind {
	CFI_NONE = 0,	   /* no unwind information for this address */
	CFI_STEP = 1,	   /* the caller is found as the rule says */
	CFI_OUTERMOST = 2, /* nobody called this: the return address is undefined */
	CFI_SIGNAL = 3, /* a signal handler's return code; the kernel's frame is above it */
	CFI_COMPLEX = 4,   /* needs a full unwinder */
	CFI_REALIGNED = 5, /* a function that aligned its stack: CFA = *(frame pointer +
			    * cfa_offset), the caller's frame pointer at that + fp_offset */
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

/* As cfi_find, from a given .eh_frame_hdr and the .eh_frame behind it. table_end: the first
 * address behind that. */
struct cfi_rule cfi_find_in(const uint8_t *eh_frame_hdr, uintptr_t table_end, uintptr_t pc);

#endif
