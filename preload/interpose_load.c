/* SPDX-License-Identifier: MIT */
/*
 * interpose_load.c - dlopen and dlmopen, as far as they load what the recorder cannot see.
 *
 * A library that is loaded with RTLD_DEEPBIND, or into a namespace of its own, finds the C
 * library's allocation functions before ours. The program is not told otherwise; the dump
 * says so. Both look at who calls them (for search paths, namespaces), so nothing of ours
 * may be a caller: the real ones are jumped to.
 */
#include <dlfcn.h>
#include <errno.h>
#include <stddef.h>

#include "mft_format.h"
#include "process.h"
#include "real.h"
#include "recorder.h"
#include "text.h"

#if defined(__x86_64__)

/* A program that loads thousands so is told of the first ones. */
#define TOLD_MOST 8u

_Static_assert(RTLD_DEEPBIND == 8, "as written below");

static void put_notice(struct recorder *r, void *context)
{
	(void)recorder_put_notice(r, MFT_NOTICE_UNSEEN, context);
}

static void tell(const char *path, const char *how)
{
	static uint32_t told;
	char line[200];
	struct text text;

	if (__atomic_fetch_add(&told, 1, __ATOMIC_RELAXED) >= TOLD_MOST || !process_ready())
		return;
	text_init(&text, line, sizeof(line));
	text_add(&text, path ? path : "the program");
	text_add(&text, how);
	(void)recorder_run(put_notice, line);
}

void interpose_before_dlopen(const char *path, int flags)
	__attribute__((visibility("hidden"), used));
void interpose_before_dlmopen(Lmid_t lmid, const char *path)
	__attribute__((visibility("hidden"), used));

void interpose_before_dlopen(const char *path, int flags)
{
	const int saved = errno;

	real_resolve();
	if (flags & RTLD_DEEPBIND)
		tell(path, " was loaded with RTLD_DEEPBIND: what it allocates and frees "
			   "itself is not recorded");
	errno = saved;
}

void interpose_before_dlmopen(Lmid_t lmid, const char *path)
{
	const int saved = errno;

	real_resolve();
	if (lmid != LM_ID_BASE)
		tell(path, " was loaded into a namespace of its own (dlmopen): what it "
			   "allocates is not recorded");
	errno = saved;
}

__asm__(".text\n"
	".globl dlopen\n"
	".type dlopen, @function\n"
	"dlopen:\n"
	".cfi_startproc\n"
	"	endbr64\n"
	"	testl $8, %esi\n"
	"	jne 1f\n"
	"	cmpq $0, real_dlopen(%rip)\n"
	"	je 1f\n"
	"	jmp *real_dlopen(%rip)\n"
	"1:	subq $24, %rsp\n"
	".cfi_adjust_cfa_offset 24\n"
	"	movq %rdi, (%rsp)\n"
	"	movq %rsi, 8(%rsp)\n"
	"	call interpose_before_dlopen\n"
	"	movq (%rsp), %rdi\n"
	"	movq 8(%rsp), %rsi\n"
	"	addq $24, %rsp\n"
	".cfi_adjust_cfa_offset -24\n"
	"	jmp *real_dlopen(%rip)\n"
	".cfi_endproc\n"
	".size dlopen, . - dlopen\n"
	".globl dlmopen\n"
	".type dlmopen, @function\n"
	"dlmopen:\n"
	".cfi_startproc\n"
	"	endbr64\n"
	"	subq $24, %rsp\n"
	".cfi_adjust_cfa_offset 24\n"
	"	movq %rdi, (%rsp)\n"
	"	movq %rsi, 8(%rsp)\n"
	"	movq %rdx, 16(%rsp)\n"
	"	call interpose_before_dlmopen\n"
	"	movq (%rsp), %rdi\n"
	"	movq 8(%rsp), %rsi\n"
	"	movq 16(%rsp), %rdx\n"
	"	addq $24, %rsp\n"
	".cfi_adjust_cfa_offset -24\n"
	"	jmp *real_dlmopen(%rip)\n"
	".cfi_endproc\n"
	".size dlmopen, . - dlmopen\n");

#endif
