/* SPDX-License-Identifier: MIT */
/*
 * interpose_process.c - exec and exit, to mark the dump before the process's image goes.
 *
 * exit() itself is not here: process.c's on_exit handler is told the status, after all
 * other handlers. A vfork child's exec or _exit is none of the traced process's.
 */
#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <unistd.h>

#include "filter.h"
#include "process.h"
#include "real.h"
#include "recorder.h"
#include "sys.h"

#define EXPORT __attribute__((visibility("default"), used))

/* A vfork child leaves its parent's memory, and takes its recorder and filters along. */
static struct filter *leave_parent(void)
{
	recorder_leave_parent();
	if (__builtin_expect(sys_confined, 0) && !process_is_own())
		return filter_drop_of_child();
	return NULL;
}

static struct filter *before_exec(void)
{
	real_resolve();
	process_mark_exec();
	return leave_parent();
}

static int came_back(struct filter *dropped, int result)
{
	int saved = errno;

	filter_enforce_again(dropped);
	process_unmark_exec();
	errno = saved;
	return result;
}

EXPORT int execve(const char *path, char *const argv[], char *const envp[])
{
	struct filter *dropped = before_exec();

	return came_back(dropped, real.execve(path, argv, envp));
}

EXPORT int execv(const char *path, char *const argv[])
{
	struct filter *dropped = before_exec();

	return came_back(dropped, real.execv(path, argv));
}

EXPORT int execvp(const char *file, char *const argv[])
{
	struct filter *dropped = before_exec();

	return came_back(dropped, real.execvp(file, argv));
}

EXPORT int execvpe(const char *file, char *const argv[], char *const envp[])
{
	struct filter *dropped = before_exec();

	return came_back(dropped, real.execvpe(file, argv, envp));
}

EXPORT int fexecve(int fd, char *const argv[], char *const envp[])
{
	struct filter *dropped = before_exec();

	return came_back(dropped, real.fexecve(fd, argv, envp));
}

EXPORT int execveat(int dirfd, const char *path, char *const argv[], char *const envp[],
		    int flags)
{
	struct filter *dropped;

	real_resolve();
	if (!real.execveat) {
		errno = ENOSYS;
		return -1;
	}
	dropped = before_exec();
	return came_back(dropped, real.execveat(dirfd, path, argv, envp, flags));
}

/* The number of arguments up to the NULL that ends them, first included. */
static size_t count_arguments(const char *first, va_list rest)
{
	size_t count = 0;

	for (const char *p = first; p; p = va_arg(rest, const char *))
		count++;
	return count;
}

static void collect_arguments(char **argv, const char *first, va_list rest)
{
	for (const char *p = first; p; p = va_arg(rest, const char *))
		*argv++ = (char *)(uintptr_t)p;
	*argv = NULL;
}

/* The list forms build their vector on the stack, as libc's do: execl must work in a signal
 * handler and in a vfork child (POSIX.1-2017, 2.4.3). */

EXPORT int execl(const char *path, const char *first, ...)
{
	va_list rest, again;
	size_t count;

	va_start(rest, first);
	va_copy(again, rest);
	count = count_arguments(first, rest);
	va_end(rest);

	char *argv[count + 1];

	collect_arguments(argv, first, again);
	va_end(again);
	return execv(path, argv);
}

EXPORT int execlp(const char *file, const char *first, ...)
{
	va_list rest, again;
	size_t count;

	va_start(rest, first);
	va_copy(again, rest);
	count = count_arguments(first, rest);
	va_end(rest);

	char *argv[count + 1];

	collect_arguments(argv, first, again);
	va_end(again);
	return execvp(file, argv);
}

EXPORT int execle(const char *path, const char *first, ...)
{
	va_list rest, again;
	char *const *envp;
	size_t count;

	va_start(rest, first);
	va_copy(again, rest);
	count = count_arguments(first, rest);
	envp = va_arg(rest, char *const *);
	va_end(rest);

	char *argv[count + 1];

	collect_arguments(argv, first, again);
	va_end(again);
	return execve(path, argv, envp);
}

static _Noreturn void exit_now(int status)
{
	real_resolve();
	process_mark_exit(true, status);
	(void)leave_parent();
	real.exit_now(status);
	__builtin_unreachable();
}

EXPORT _Noreturn void _exit(int status)
{
	exit_now(status);
}

EXPORT _Noreturn void _Exit(int status)
{
	exit_now(status);
}

/* at_quick_exit handlers run in there and may allocate; the mark is for what is before. */
EXPORT _Noreturn void quick_exit(int status)
{
	real_resolve();
	process_mark_exit(true, status);
	real.quick_exit(status);
	__builtin_unreachable();
}
