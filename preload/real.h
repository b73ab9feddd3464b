/* SPDX-License-Identifier: MIT */
/*
 * real.h - the functions that the program would have called without us.
 *
 * All are taken as one set from the libraries behind us (lookup.h), never from
 * __libc_malloc and its like: a program linked with an allocator of its own must get that
 * allocator for every one of them.
 * Guarantees: a member may be called at any time; before the look-up it resolves the set
 * first, and while a look-up is under way allocations are served by early.h. Members that
 * the system does not have are NULL where this page says so, and fall back otherwise.
 * Threads: the set is published once, function by function; each is valid on its own.
 */
#ifndef REAL_H
#define REAL_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct real {
	void *(*malloc)(size_t);
	void *(*calloc)(size_t, size_t);
	void *(*realloc)(void *, size_t);
	void *(*reallocarray)(void *, size_t, size_t); /* may be NULL; to be compared */
	void (*free)(void *);
	int (*posix_memalign)(void **, size_t, size_t);
	void *(*aligned_alloc)(size_t, size_t);
	void *(*memalign)(size_t, size_t);
	void *(*valloc)(size_t);
	void *(*pvalloc)(size_t);
	size_t (*malloc_usable_size)(void *);
	void (*free_sized)(void *, size_t);		    /* NULL before C23 libcs */
	void (*free_aligned_sized)(void *, size_t, size_t); /* likewise */

	void *(*mmap)(void *, size_t, int, int, int,
		      long); /* off_t of 32 bits on such systems */
	void *(*mmap64)(void *, size_t, int, int, int, off64_t);
	int (*munmap)(void *, size_t);
	void *(*mremap)(void *, size_t, size_t, int, ...);
	int (*brk)(void *);
	void *(*sbrk)(intptr_t);
	int (*madvise)(void *, size_t, int);

	int (*execve)(const char *, char *const *, char *const *);
	int (*execv)(const char *, char *const *);
	int (*execvp)(const char *, char *const *);
	int (*execvpe)(const char *, char *const *, char *const *);
	int (*fexecve)(int, char *const *, char *const *);
	int (*execveat)(int, const char *, char *const *, char *const *,
			int);  /* may be NULL */
	void (*exit_now)(int); /* _exit */
	void (*quick_exit)(int);
	int (*prctl)(int, ...);
};

extern struct real real;

/* Apart, because they are jumped to from assembly. dlopen and dlmopen: NULL before the
 * look-up. */
extern long (*real_syscall)(long, ...) __attribute__((visibility("hidden")));
extern void *(*real_dlopen)(const char *, int)__attribute__((visibility("hidden")));
extern void *(*real_dlmopen)(long, const char *, int)__attribute__((visibility("hidden")));

/* The C++ operators, from libstdc++ or libc++ or whoever defines them; looked up at the
 * first use, because a C program may load the C++ library later. */
struct real_cxx {
	void *(*new_plain)(size_t);
	void *(*new_array)(size_t);
	void *(*new_nothrow)(size_t, const void *);
	void *(*new_array_nothrow)(size_t, const void *);
	void *(*new_aligned)(size_t, size_t);
	void *(*new_array_aligned)(size_t, size_t);
	void *(*new_aligned_nothrow)(size_t, size_t, const void *);
	void *(*new_array_aligned_nothrow)(size_t, size_t, const void *);
	void (*delete_plain)(void *);
	void (*delete_array)(void *);
	void (*delete_sized)(void *, size_t);
	void (*delete_array_sized)(void *, size_t);
	void (*delete_nothrow)(void *, const void *);
	void (*delete_array_nothrow)(void *, const void *);
	void (*delete_aligned)(void *, size_t);
	void (*delete_array_aligned)(void *, size_t);
	void (*delete_sized_aligned)(void *, size_t, size_t);
	void (*delete_array_sized_aligned)(void *, size_t, size_t);
	void (*delete_aligned_nothrow)(void *, size_t, const void *);
	void (*delete_array_aligned_nothrow)(void *, size_t, const void *);
};

extern struct real_cxx real_cxx;

/* Looks up the C and libc set, unless that was done. Allocates nothing of its own. */
void real_resolve(void);

/* Looks up the C++ operators. Members that nobody defines stay NULL. */
void real_resolve_cxx(void);

#endif
