/* SPDX-License-Identifier: MIT */
/*
 * Functions that call on, or fault, from frames that only an expression or a register other
 * than the stack pointer and the frame pointer leads out of. Each takes the function to
 * call; a fault is two bytes long, which the handler skips. stack_odd_frames.c calls them.
 * Instructions that the assembler has no word for are written as bytes: DWARF 5, 7.24.
 */
#ifdef __x86_64__
	.text

	.macro begin name
	.globl \name
	.hidden \name
	.type \name, @function
	.balign 16
\name:
	.cfi_startproc
	endbr64
	.endm

	.macro end name
	.cfi_endproc
	.size \name, . - \name
	.endm

/* The stack pointer of before is kept in the frame, as OpenSSL's assembly has it:
 * CFA = *(rsp + 40) + 8. */
	begin frame_kept
	mov	%rsp, %rax
	.cfi_def_cfa rax, 8
	push	%rbp
	.cfi_offset rbp, -16
	push	%rbx
	.cfi_offset rbx, -24
	sub	$320, %rsp
	and	$-128, %rsp
	mov	%rax, 40(%rsp)
	.cfi_escape 0x0f, 5, 0x77, 0x28, 0x06, 0x23, 0x08
	mov	$77, %ebp
	call	*%rdi
	ud2
	mov	40(%rsp), %rsi
	.cfi_def_cfa rsi, 8
	ud2
	mov	-16(%rsi), %rbx
	mov	-8(%rsi), %rbp
	mov	%rsi, %rsp
	.cfi_def_cfa rsp, 8
	ret
	end frame_kept

/* In an array in the frame: CFA = *(rsp + 8 + r9 * 8) + 8; r9 is known of interrupted frames
 * only. And below the stack pointer, where signals leave 128 bytes alone. */
	begin frame_indexed
	mov	%rsp, %rax
	.cfi_def_cfa_register rax
	sub	$128, %rsp
	mov	$5, %r9d
	mov	%rax, 8(%rsp, %r9, 8)
	.cfi_escape 0x0f, 10, 0x77, 0x08, 0x79, 0x00, 0x38, 0x1e, 0x22, 0x06, 0x23, 0x08
	xor	%eax, %eax
	ud2
	mov	8(%rsp, %r9, 8), %rax
	mov	%rax, -64(%rsp)
	.cfi_escape 0x0f, 6, 0x77, 0x40, 0x06, 0x23, 0x08, 0x96
	xor	%eax, %eax
	ud2
	mov	-64(%rsp), %rsp
	.cfi_def_cfa rsp, 8
	ret
	end frame_indexed

/* In each register that functions keep, as the dynamic linker has it in rbx. */
	.macro kept_in name, register
	begin \name
	push	%\register
	.cfi_def_cfa_offset 16
	.cfi_offset \register, -16
	mov	%rsp, %\register
	.cfi_def_cfa_register \register
	sub	$200, %rsp
	and	$-64, %rsp
	call	*%rdi
	ud2
	mov	%\register, %rsp
	.cfi_def_cfa_register rsp
	pop	%\register
	.cfi_def_cfa_offset 8
	.cfi_restore \register
	ret
	end \name
	.endm

	kept_in frame_in_rbx, rbx
	kept_in frame_in_r12, r12
	kept_in frame_in_r13, r13
	kept_in frame_in_r14, r14
	kept_in frame_in_r15, r15

/* One that destroys what it is told to keep, for the ones above to be found behind. */
	begin frame_destroying
	.irp	register, rbx, rbp, r12, r13, r14, r15
	push	%\register
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset \register, 0
	.endr
	sub	$8, %rsp
	.cfi_adjust_cfa_offset 8
	.irp	register, rbx, rbp, r12, r13, r14, r15
	mov	$-1, %\register
	.endr
	call	*%rdi
	add	$8, %rsp
	.cfi_adjust_cfa_offset -8
	.irp	register, r15, r14, r13, r12, rbp, rbx
	pop	%\register
	.cfi_adjust_cfa_offset -8
	.cfi_restore \register
	.endr
	ret
	end frame_destroying

/* The caller's frame pointer in another register; at the end of an expression; and, where it
 * must be the CFA, by that. Each caller here has a frame of unknown size. */
	begin frame_fp_in_rbx
	push	%rbx
	.cfi_def_cfa_offset 16
	.cfi_offset rbx, -16
	mov	%rbp, %rbx
	.cfi_register rbp, rbx
	mov	$1, %ebp
	call	*%rdi
	mov	%rbx, %rbp
	.cfi_restore rbp
	pop	%rbx
	.cfi_def_cfa_offset 8
	.cfi_restore rbx
	ret
	end frame_fp_in_rbx

	begin frame_fp_at_expression
	sub	$40, %rsp
	.cfi_def_cfa_offset 48
	mov	%rbp, 16(%rsp)
	.cfi_escape 0x10, 0x06, 2, 0x77, 16
	mov	$1, %ebp
	call	*%rdi
	mov	16(%rsp), %rbp
	.cfi_restore rbp
	add	$40, %rsp
	.cfi_def_cfa_offset 8
	ret
	end frame_fp_at_expression

	begin frame_fp_is_expression
	sub	$40, %rsp
	.cfi_def_cfa_offset 48
	mov	%rbp, %rax
	neg	%rax
	mov	%rax, 16(%rsp)
	.cfi_escape 0x16, 0x06, 4, 0x77, 16, 0x06, 0x1f
	mov	$1, %ebp
	call	*%rdi
	mov	16(%rsp), %rbp
	neg	%rbp
	.cfi_restore rbp
	add	$40, %rsp
	.cfi_def_cfa_offset 8
	ret
	end frame_fp_is_expression

	begin frame_fp_is_cfa
	push	%rbp
	.cfi_def_cfa_offset 16
	.cfi_offset rbp, -16
	lea	-48(%rsp), %rbp
	sub	$48, %rsp
	.cfi_escape 0x0f, 3, 0x76, 0xc0, 0x00
	call	called_with_its_cfa
	add	$48, %rsp
	.cfi_def_cfa rsp, 16
	pop	%rbp
	.cfi_def_cfa_offset 8
	.cfi_restore rbp
	ret
	end frame_fp_is_cfa

	.balign 16
called_with_its_cfa:
	.cfi_startproc
	sub	$8, %rsp
	.cfi_def_cfa_offset 16
	.cfi_escape 0x14, 0x06, 0
	mov	$1, %ebp
	call	*%rdi
	lea	16(%rsp), %rbp
	.cfi_restore rbp
	add	$8, %rsp
	.cfi_def_cfa_offset 8
	ret
	.cfi_endproc

/* The return address taken off the stack, as thunks do it. */
	begin frame_return_in_rdx
	pop	%rdx
	.cfi_def_cfa_offset 0
	.cfi_register rip, rdx
	ud2
	push	%rdx
	.cfi_def_cfa_offset 8
	.cfi_offset rip, -8
	ret
	end frame_return_in_rdx
#endif
	.section .note.GNU-stack, "", @progbits
