/* SPDX-License-Identifier: MIT */
#include "real.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "early.h"
#include "mangled.h"
#include "recorder.h"

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

struct real_symbol {
	const char *name;
	void **slot;
};

#define SLOT(member) ((void **)(void *)&real.member)

/* The allocator first: what is behind may fail, and a failing dlsym allocates. Order within
 * matters: free must never be real while malloc is still early's. */
static const struct real_symbol real_symbols[] = {
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
	{"execveat", SLOT(execveat)},
	{"free_sized", SLOT(free_sized)},
	{"free_aligned_sized", SLOT(free_aligned_sized)},
};

#define CXX_SLOT(member) ((void **)(void *)&real_cxx.member)

static const struct real_symbol real_cxx_symbols[] = {
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

/* 0: not begun, 1: a thread is at it, 2: done. */
static int real_state;

void real_resolve(void)
{
	int expected = 0;
	bool failed = false;
	struct recorder_pause pause;

	if (!__atomic_compare_exchange_n(&real_state, &expected, 1, false, __ATOMIC_ACQUIRE,
					 __ATOMIC_RELAXED))
		return;
	pause = recorder_pause(); /* what a look-up allocates is not the program's */
	for (size_t i = 0; i < sizeof(real_symbols) / sizeof(real_symbols[0]); i++) {
		void *symbol = dlsym(RTLD_NEXT, real_symbols[i].name);

		if (symbol)
			__atomic_store_n(real_symbols[i].slot, symbol, __ATOMIC_RELEASE);
		else
			failed = true;
	}
	if (failed)
		(void)dlerror(); /* the program must not find our failure there */
	recorder_resume(pause);
	__atomic_store_n(&real_state, 2, __ATOMIC_RELEASE);
}

/* A C++ library loaded with RTLD_LOCAL is behind nobody: ask the usual ones by name. */
static void *find_cxx(const char *name)
{
	static const char *const libraries[] = {"libstdc++.so.6", "libc++.so.1",
						"libc++abi.so.1"};
	void *symbol = dlsym(RTLD_NEXT, name);

	for (size_t i = 0; !symbol && i < sizeof(libraries) / sizeof(libraries[0]); i++) {
		void *library = dlopen(libraries[i], RTLD_LAZY | RTLD_NOLOAD);

		if (!library)
			continue;
		symbol = dlsym(library, name);
		dlclose(library);
	}
	return symbol;
}

void real_resolve_cxx(void)
{
	struct recorder_pause pause = recorder_pause();
	bool failed = false;

	for (size_t i = 0; i < sizeof(real_cxx_symbols) / sizeof(real_cxx_symbols[0]);
	     i++) {
		void **slot = real_cxx_symbols[i].slot;
		void *symbol;

		if (__atomic_load_n(slot, __ATOMIC_ACQUIRE))
			continue;
		symbol = find_cxx(real_cxx_symbols[i].name);
		if (symbol)
			__atomic_store_n(slot, symbol, __ATOMIC_RELEASE);
		else
			failed = true;
	}
	if (failed)
		(void)dlerror();
	recorder_resume(pause);
}
