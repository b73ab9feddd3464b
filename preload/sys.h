/* SPDX-License-Identifier: MIT */
/*
 * sys.h - system calls made without libc's wrappers.
 *
 * Guarantees: errno is not touched, no other library's hook is passed, no cancellation
 * point, no lock, no allocation; safe in signal handlers and before libc is initialised.
 * All return the kernel's value, or a negative errno; -EPERM for a call that is not made
 * because the program's own filter might end it for that (filter.h).
 * Not here: policy. Who may call what is said where it is called.
 */
#ifndef SYS_H
#define SYS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__x86_64__)
/* System V ABI, AMD64 supplement, A.2.1: rcx and r11 are destroyed. */
static inline long sys_enter(long number, long a, long b, long c, long d, long e, long f)
{
	long result;
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;
	register long r9 __asm__("r9") = f;

	__asm__ volatile("syscall"
			 : "=a"(result)
			 : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");
	return result;
}
#elif defined(__aarch64__)
static inline long sys_enter(long number, long a, long b, long c, long d, long e, long f)
{
	register long x8 __asm__("x8") = number;
	register long x0 __asm__("x0") = a;
	register long x1 __asm__("x1") = b;
	register long x2 __asm__("x2") = c;
	register long x3 __asm__("x3") = d;
	register long x4 __asm__("x4") = e;
	register long x5 __asm__("x5") = f;

	__asm__ volatile("svc #0"
			 : "+r"(x0)
			 : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5)
			 : "memory");
	return x0;
}
#else
#include <errno.h>
static inline long sys_enter(long number, long a, long b, long c, long d, long e, long f)
{
	int saved = errno;
	long result = syscall(number, a, b, c, d, e, f);

	if (result == -1)
		result = -(long)errno;
	errno = saved;
	return result;
}
#endif

/* Whether the program has confined itself; atomic. */
extern uint32_t sys_confined __attribute__((visibility("hidden")));

/* Whether it lets a system call through. arguments: six. */
bool sys_is_allowed(long number, const long *arguments);

/* sys_call of a program that has confined itself. */
long sys_call_confined(long number, long a, long b, long c, long d, long e, long f);

static inline long sys_call(long number, long a, long b, long c, long d, long e, long f)
{
	if (__builtin_expect(__atomic_load_n(&sys_confined, __ATOMIC_RELAXED), 0))
		return sys_call_confined(number, a, b, c, d, e, f);
	return sys_enter(number, a, b, c, d, e, f);
}

#define SYS0(nr) sys_call(nr, 0, 0, 0, 0, 0, 0)
#define SYS1(nr, a) sys_call(nr, (long)(a), 0, 0, 0, 0, 0)
#define SYS2(nr, a, b) sys_call(nr, (long)(a), (long)(b), 0, 0, 0, 0)
#define SYS3(nr, a, b, c) sys_call(nr, (long)(a), (long)(b), (long)(c), 0, 0, 0)
#define SYS4(nr, a, b, c, d) sys_call(nr, (long)(a), (long)(b), (long)(c), (long)(d), 0, 0)
#define SYS6(nr, a, b, c, d, e, f)                                                         \
	sys_call(nr, (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), (long)(f))

static inline int sys_getpid(void)
{
	return (int)SYS0(SYS_getpid);
}

static inline int sys_gettid(void)
{
	return (int)SYS0(SYS_gettid);
}

/* Anonymous private memory, zero-filled; NULL when there is none. bytes: any size. */
static inline void *sys_map_memory(size_t bytes)
{
	/* PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS: 3 and 0x22 on every
	 * architecture but MIPS, PA-RISC and Alpha, which glibc's headers know. */
	long p = SYS6(SYS_mmap, 0, bytes, 3, 0x22, -1, 0);

	return (unsigned long)p >= -4095UL ? NULL : (void *)p;
}

static inline void sys_unmap(void *start, size_t bytes)
{
	(void)SYS2(SYS_munmap, start, bytes);
}

/* Opens path. Returns a descriptor or -errno. */
static inline int sys_open(const char *path, int flags, unsigned mode)
{
	return (int)SYS4(SYS_openat, -100 /* AT_FDCWD */, path, flags, mode);
}

static inline void sys_close(int fd)
{
	(void)SYS1(SYS_close, fd);
}

/* Whether the 8 bytes at an aligned address can be read. */
bool sys_can_read(uintptr_t address);

/* Reads the whole of a small file into buffer, at most bytes - 1, and terminates it.
 * Returns the length or -errno. */
long sys_read_file(const char *path, char *buffer, size_t bytes);

#endif
