/* SPDX-License-Identifier: MIT */
/*
 * Call frame information that compilers write rarely, or not at all. Nothing here is ever
 * called. A row begins at each global name; test_cfi.c says what is to come of it.
 * Instructions that the assembler has no word for are written as bytes: DWARF 5, 7.24.
 */
	.text

	.macro row name
	.globl \name
	.hidden \name
\name:
	nop
	nop
	.endm

	.macro begin
	.balign 16
	.cfi_startproc
	nop
	.endm

	.macro end
	.cfi_endproc
	.endm

/* A function that has aligned its stack: CFA = *(rbp - 8), rbp at rbp + 0; then at other
 * offsets. */
	begin
	.cfi_escape 0x0f, 3, 0x76, 0x78, 0x06
	.cfi_escape 0x10, 0x06, 2, 0x76, 0x00
row	odd_realigned
	.cfi_escape 0x0f, 4, 0x76, 0xd8, 0x7e, 0x06
	.cfi_escape 0x10, 0x06, 3, 0x76, 0xb8, 0x7f
row	odd_realigned_far
	.cfi_def_cfa rsp, 8
	.cfi_same_value rbp
row	odd_realigned_no_more
	end

/* The same through another register, not dereferenced, and with one more operation. */
	begin
	.cfi_escape 0x0f, 3, 0x7a, 0x78, 0x06
	.cfi_escape 0x10, 0x06, 2, 0x76, 0x00
row	odd_through_r10
	.cfi_escape 0x0f, 2, 0x76, 0x10
row	odd_not_dereferenced
	.cfi_escape 0x0f, 5, 0x76, 0x78, 0x06, 0x23, 0x08
row	odd_added_afterwards
	end

/* Stubs of a procedure linkage table that push in their 11th, their first and their last
 * byte; and one that is not quite it. */
	begin
	.cfi_escape 0x0f, 11, 0x77, 0x08, 0x80, 0x00, 0x3f, 0x1a, 0x3b, 0x2a, 0x33, 0x24, 0x22
	.balign 16
row	odd_stub
	.skip 46, 0x90
	end
	begin
	.cfi_escape 0x0f, 11, 0x77, 0x08, 0x80, 0x00, 0x3f, 0x1a, 0x30, 0x2a, 0x33, 0x24, 0x22
	.balign 16
row	odd_stub_first
	.skip 46, 0x90
	end
	begin
	.cfi_escape 0x0f, 11, 0x77, 0x08, 0x80, 0x00, 0x3f, 0x1a, 0x3f, 0x2a, 0x33, 0x24, 0x22
	.balign 16
row	odd_stub_last
	.skip 46, 0x90
	end
	begin
	.cfi_escape 0x0f, 11, 0x77, 0x08, 0x80, 0x00, 0x3f, 0x1a, 0x3b, 0x2a, 0x34, 0x24, 0x22
	.balign 16
row	odd_no_stub
	.skip 46, 0x90
	end

/* Signed and factored forms. */
	begin
	.cfi_escape 0x12, 0x07, 0x7e
row	odd_cfa_factored
	.cfi_escape 0x13, 0x7d
row	odd_cfa_offset_factored
	.cfi_escape 0x05, 0x06, 0x02
row	odd_offset_extended
	.cfi_escape 0x11, 0x06, 0x7f
row	odd_offset_above_cfa
	.cfi_escape 0x06, 0x06
row	odd_restore_extended
	.cfi_escape 0x2e, 0x10
row	odd_args_size
	end

/* Far apart: locations that advance by two and by four bytes. */
	begin
	.skip 300, 0x90
	.cfi_def_cfa_offset 16
row	odd_after_300
	.skip 70000, 0x90
	.cfi_def_cfa_offset 24
row	odd_after_70000
	end

/* What is remembered comes back, nested too; but not for ever so deep. */
	begin
	.cfi_def_cfa_offset 16
	.cfi_offset rbp, -16
	.cfi_remember_state
	.cfi_def_cfa_register rbp
row	odd_remembered
	.cfi_remember_state
	.cfi_def_cfa rsp, 8
	.cfi_restore rbp
row	odd_remembered_twice
	.cfi_restore_state
row	odd_restored
	.cfi_restore_state
row	odd_restored_twice
	end
	begin
	.cfi_remember_state
	.cfi_remember_state
	.cfi_remember_state
	.cfi_remember_state
	.cfi_remember_state
	.cfi_def_cfa_offset 4096
row	odd_remembered_too_often
	end

/* Where the caller cannot be said in a rule's words. */
	begin
	.cfi_def_cfa r10, 0
row	odd_cfa_in_r10
	.cfi_def_cfa rsp, 8
	.cfi_register rbp, rbx
row	odd_fp_in_register
	.cfi_escape 0x14, 0x06, 0x02
row	odd_fp_is_offset
	.cfi_escape 0x16, 0x06, 2, 0x77, 0x00
row	odd_fp_is_expression
	.cfi_escape 0x10, 0x06, 2, 0x77, 0x00
row	odd_fp_at_expression
	.cfi_offset rbp, -40000
row	odd_fp_far
	.cfi_offset rbp, 0
row	odd_fp_at_cfa
	.cfi_undefined rbp
row	odd_fp_undefined
	.cfi_offset rip, -16
row	odd_return_elsewhere
	.cfi_undefined rip
row	odd_outermost
	.cfi_restore rip
row	odd_return_restored
	.cfi_escape 0x0e, 0x80, 0x80, 0x80, 0x80, 0x10
row	odd_cfa_far
	end

/* A signal handler's return code. */
	.balign 16
	.cfi_startproc
	.cfi_signal_frame
	nop
	.cfi_def_cfa rsp, 160
row	odd_signal
	end

	.section .note.GNU-stack, "", @progbits
