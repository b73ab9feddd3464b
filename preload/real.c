/* SPDX-License-Identifier: MIT */
#include "real.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include "early.h"
#include "lookup.h"
#include "mangled.h"

/*
 * The members' first values. They look the set up and call on; while the look-up itself
 * (or another thread meanwhile) allocates, early.h serves it.
 */

static void *first_malloc(size_t size)
{
	real_resolve();
	return real.malloc != first_malloc ? real.malloc(size) : early_alloc(size, 16);
}

static void *first_calloc(size_t count, size_t size)
{
	size_t bytes;

	real_resolve();
	if (real.calloc != first_calloc)
		return real.calloc(count, size);
	return __builtin_mul_overflow(count, size, &bytes) ? NULL : early_alloc(bytes, 16);
}

static void *first_realloc(void *p, size_t size)
{
	void *bigger;

	real_resolve();
	if (real.realloc != first_realloc)
		return real.realloc(p, size);
	bigger = early_alloc(size, 16);
	if (bigger && p && early_owns(p)) {
		size_t old = early_size(p);

		memcpy(bigger, p, old < size ? old : size);
	}
	return bigger;
}

static void first_free(void *p)
{
	real_resolve();
	if (real.free != first_free)
		real.free(p);
	/* Otherwise there is no allocator yet: it cannot be a block of one. */
}

static int first_posix_memalign(void **ret_p, size_t alignment, size_t size)
{
	void *p;

	real_resolve();
	if (real.posix_memalign != first_posix_memalign)
		return real.posix_memalign(ret_p, alignment, size);
	p = early_alloc(size, alignment);
	if (!p)
		return ENOMEM;
	*ret_p = p;
	return 0;
}

static void *first_aligned_alloc(size_t alignment, size_t size)
{
	real_resolve();
	return real.aligned_alloc != first_aligned_alloc
		       ? real.aligned_alloc(alignment, size)
		       : early_alloc(size, alignment);
}

static void *first_memalign(size_t alignment, size_t size)
{
	real_resolve();
	return real.memalign != first_memalign ? real.memalign(alignment, size)
					       : early_alloc(size, alignment);
}

static void *first_valloc(size_t size)
{
	real_resolve();
	return real.valloc != first_valloc ? real.valloc(size) : early_alloc(size, 4096);
}

static void *first_pvalloc(size_t size)
{
	real_resolve();
	return real.pvalloc != first_pvalloc ? real.pvalloc(size)
					     : early_alloc((size + 4095) & ~4095ul, 4096);
}

static size_t first_usable_size(void *p)
{
	real_resolve();
	return real.malloc_usable_size != first_usable_size ? real.malloc_usable_size(p)
							    : 0;
}

static long first_syscall(long number, ...)
{
	va_list rest;
	long given[6];

	va_start(rest, number);
	for (unsigned i = 0; i < 6; i++)
		given[i] = va_arg(rest, long);
	va_end(rest);
	real_resolve();
	if (real_syscall == first_syscall) {
		errno = ENOSYS;
		return -1;
	}
	return real_syscall(number, given[0], given[1], given[2], given[3], given[4],
			    given[5]);
}

long (*real_syscall)(long, ...) = first_syscall;
void *(*real_dlopen)(const char *, int);
void *(*real_dlmopen)(long, const char *, int);

struct real real = {
	.malloc = first_malloc,
	.calloc = first_calloc,
	.realloc = first_realloc,
	.free = first_free,
	.posix_memalign = first_posix_memalign,
	.aligned_alloc = first_aligned_alloc,
	.memalign = first_memalign,
	.valloc = first_valloc,
	.pvalloc = first_pvalloc,
	.malloc_usable_size = first_usable_size,
};

struct real_cxx real_cxx;

#define SLOT(member) ((void **)(void *)&real.member)

/* Order matters: free must never be early's while malloc is real already. */
static const struct lookup real_symbols[] = {
	{"free", SLOT(free)},
	{"malloc_usable_size", SLOT(malloc_usable_size)},
	{"realloc", SLOT(realloc)},
	{"malloc", SLOT(malloc)},
	{"calloc", SLOT(calloc)},
	{"posix_memalign", SLOT(posix_memalign)},
	{"aligned_alloc", SLOT(aligned_alloc)},
	{"memalign", SLOT(memalign)},
	{"valloc", SLOT(valloc)},
	{"pvalloc", SLOT(pvalloc)},
	{"mmap", SLOT(mmap)},
	{"mmap64", SLOT(mmap64)},
	{"munmap", SLOT(munmap)},
	{"mremap", SLOT(mremap)},
	{"brk", SLOT(brk)},
	{"sbrk", SLOT(sbrk)},
	{"madvise", SLOT(madvise)},
	{"execve", SLOT(execve)},
	{"execv", SLOT(execv)},
	{"execvp", SLOT(execvp)},
	{"execvpe", SLOT(execvpe)},
	{"fexecve", SLOT(fexecve)},
	{"_exit", SLOT(exit_now)},
	{"quick_exit", SLOT(quick_exit)},
	{"prctl", SLOT(prctl)},
	{"syscall", (void **)(void *)&real_syscall},
	{"dlopen", (void **)(void *)&real_dlopen},
	{"dlmopen", (void **)(void *)&real_dlmopen},
	{"execveat", SLOT(execveat)},
	{"reallocarray", SLOT(reallocarray)},
	{"free_sized", SLOT(free_sized)},
	{"free_aligned_sized", SLOT(free_aligned_sized)},
};
#define REAL_SYMBOLS (sizeof(real_symbols) / sizeof(real_symbols[0]))

#define CXX_SLOT(member) ((void **)(void *)&real_cxx.member)

static const struct lookup real_cxx_symbols[] = {
	{MANGLED_NEW, CXX_SLOT(new_plain)},
	{MANGLED_NEW_ARRAY, CXX_SLOT(new_array)},
	{MANGLED_NEW_NOTHROW, CXX_SLOT(new_nothrow)},
	{MANGLED_NEW_ARRAY_NOTHROW, CXX_SLOT(new_array_nothrow)},
	{MANGLED_NEW_ALIGNED, CXX_SLOT(new_aligned)},
	{MANGLED_NEW_ARRAY_ALIGNED, CXX_SLOT(new_array_aligned)},
	{MANGLED_NEW_ALIGNED_NOTHROW, CXX_SLOT(new_aligned_nothrow)},
	{MANGLED_NEW_ARRAY_ALIGNED_NOTHROW, CXX_SLOT(new_array_aligned_nothrow)},
	{MANGLED_DELETE, CXX_SLOT(delete_plain)},
	{MANGLED_DELETE_ARRAY, CXX_SLOT(delete_array)},
	{MANGLED_DELETE_SIZED, CXX_SLOT(delete_sized)},
	{MANGLED_DELETE_ARRAY_SIZED, CXX_SLOT(delete_array_sized)},
	{MANGLED_DELETE_NOTHROW, CXX_SLOT(delete_nothrow)},
	{MANGLED_DELETE_ARRAY_NOTHROW, CXX_SLOT(delete_array_nothrow)},
	{MANGLED_DELETE_ALIGNED, CXX_SLOT(delete_aligned)},
	{MANGLED_DELETE_ARRAY_ALIGNED, CXX_SLOT(delete_array_aligned)},
	{MANGLED_DELETE_SIZED_ALIGNED, CXX_SLOT(delete_sized_aligned)},
	{MANGLED_DELETE_ARRAY_SIZED_ALIGNED, CXX_SLOT(delete_array_sized_aligned)},
	{MANGLED_DELETE_ALIGNED_NOTHROW, CXX_SLOT(delete_aligned_nothrow)},
	{MANGLED_DELETE_ARRAY_ALIGNED_NOTHROW, CXX_SLOT(delete_array_aligned_nothrow)},
};
#define REAL_CXX_SYMBOLS (sizeof(real_cxx_symbols) / sizeof(real_cxx_symbols[0]))

/* 0: not begun, 1: a thread is at it, 2: done. */
static int real_state;

void real_resolve(void)
{
	int expected = 0;

	if (!__atomic_compare_exchange_n(&real_state, &expected, 1, false, __ATOMIC_ACQUIRE,
					 __ATOMIC_RELAXED))
		return;
	(void)lookup_behind(real_symbols, REAL_SYMBOLS);
	/* Loaded by dlopen, this library is behind everybody. */
	if (real.malloc == first_malloc)
		(void)lookup_elsewhere(real_symbols, REAL_SYMBOLS);
	__atomic_store_n(&real_state, 2, __ATOMIC_RELEASE);
}

void real_resolve_cxx(void)
{
	/* A C++ library that a C program loads later is behind this one, too. */
	(void)lookup_behind(real_cxx_symbols, REAL_CXX_SYMBOLS);
}
