/* SPDX-License-Identifier: MIT */
/*
 * interpose_filter.c - prctl and syscall, where a program confines itself (seccomp(2)).
 *
 * Filters are installed by one of the two; libseccomp calls them as well. All other calls
 * go on as they came.
 */
#include <errno.h>
#include <linux/seccomp.h>
#include <stdarg.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "confine.h"
#include "real.h"
#include "sys.h"

#define EXPORT __attribute__((visibility("default"), used))

/* The five arguments of prctl; which of them were given depends on the first. */
EXPORT int prctl(int option, ...)
{
	unsigned long given[4];
	struct confinement confinement;
	va_list rest;
	int result;

	va_start(rest, option);
	for (unsigned i = 0; i < 4; i++)
		given[i] = va_arg(rest, unsigned long);
	va_end(rest);
	if (__builtin_expect(!real.prctl, 0))
		real_resolve();
	if (__builtin_expect(option != PR_SET_SECCOMP, 1))
		return real.prctl(option, given[0], given[1], given[2], given[3]);
	confine_begin(&confinement, given[0] == SECCOMP_MODE_STRICT,
		      (const void *)given[1]);
	result = real.prctl(option, given[0], given[1], given[2], given[3]);
	confine_end(&confinement, result == 0);
	return result;
}

/* syscall() with a number that confines. */
static long confining(long number, long a, long b, long c, long d, long e, long f)
{
	const bool by_prctl = number == SYS_prctl;
	struct confinement confinement;
	long result;

	if (by_prctl ? a != PR_SET_SECCOMP
		     : a != SECCOMP_SET_MODE_STRICT && a != SECCOMP_SET_MODE_FILTER)
		return real_syscall(number, a, b, c, d, e, f);
	if (by_prctl)
		confine_begin(&confinement, b == SECCOMP_MODE_STRICT, (const void *)c);
	else
		confine_begin(&confinement, a == SECCOMP_SET_MODE_STRICT, (const void *)c);
	result = real_syscall(number, a, b, c, d, e, f);
	/* seccomp(2): with TSYNC a thread that could not be brought along is the result. */
	confine_end(&confinement, result == 0 || (!by_prctl && result > 0 &&
						  (b & SECCOMP_FILTER_FLAG_NEW_LISTENER)));
	return result;
}

#if defined(__x86_64__)

long interpose_confining(long number, long a, long b, long c, long d, long e, long f)
	__attribute__((visibility("hidden"), used));

long interpose_confining(long number, long a, long b, long c, long d, long e, long f)
{
	return confining(number, a, b, c, d, e, f);
}

/* Nothing may be between the caller and the real one: a clone's child comes out of it on a
 * stack that holds the return address alone. 317: seccomp; 157: prctl. */
__asm__(".text\n"
	".globl syscall\n"
	".type syscall, @function\n"
	"syscall:\n"
	".cfi_startproc\n"
	"	endbr64\n"
	"	cmpl $317, %edi\n"
	"	je interpose_confining\n"
	"	cmpl $157, %edi\n"
	"	je interpose_confining\n"
	"	jmp *real_syscall(%rip)\n"
	".cfi_endproc\n"
	".size syscall, . - syscall\n");
_Static_assert(SYS_seccomp == 317 && SYS_prctl == 157, "as written above");

#else

EXPORT long syscall(long number, ...)
{
	long given[6];
	va_list rest;

	va_start(rest, number);
	for (unsigned i = 0; i < 6; i++)
		given[i] = va_arg(rest, long);
	va_end(rest);
	if (number == SYS_seccomp || number == SYS_prctl)
		return confining(number, given[0], given[1], given[2], given[3], given[4],
				 given[5]);
	return real_syscall(number, given[0], given[1], given[2], given[3], given[4],
			    given[5]);
}

#endif
