/* SPDX-License-Identifier: MIT */
/*
 * clone_ways WAY: makes copies of its process past the C library, where no fork handler
 * runs: "clone3", "files" (the copy shares the descriptors), "parent" (the copy is its
 * sibling), "group" (copies of copies). Every copy allocates and tells its own truth.
 */
#include <linux/sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "truth.h"

#define COPIES 5
#define BLOCKS 3000

static TRUTH_SITE void *in_original(size_t size)
{
	return malloc(size);
}

static TRUTH_SITE void *in_copy(size_t size)
{
	return malloc(size);
}

static void allocate(const char *site, void *(*allocate_one)(size_t))
{
	struct truth_count count = {0};

	for (size_t i = 1; i <= BLOCKS; i++) {
		void *block = allocate_one(i);

		truth_allocated(&count, i);
		if (i % 10) {
			free(block);
			truth_freed(&count, i);
		}
	}
	truth_site(site, &count, NULL);
	/* The C library may remember the original's. */
	truth_number("pid", syscall(SYS_getpid));
	truth_print();
}

static long copy(unsigned long long flags)
{
	struct clone_args arguments = {.flags = flags, .exit_signal = SIGCHLD};

	return syscall(SYS_clone3, &arguments, sizeof(arguments));
}

static int be_copy(int depth)
{
	if (depth > 0) {
		long pid = copy(0);

		if (pid < 0)
			return 5;
		if (!pid)
			_exit(be_copy(depth - 1));
		while (wait(NULL) > 0)
			;
	}
	allocate("in_copy", in_copy);
	return 0;
}

int main(int argc, char **argv)
{
	const char *way = argc == 2 ? argv[1] : "";
	unsigned long long flags = 0;
	int depth = 0, bad = 0;

	if (!strcmp(way, "files"))
		flags = CLONE_FILES | CLONE_FS;
	else if (!strcmp(way, "parent"))
		flags = CLONE_PARENT;
	else if (!strcmp(way, "group"))
		depth = 3;
	else if (strcmp(way, "clone3"))
		return 2;
	free(malloc(1));
	for (int i = 0; i < COPIES; i++) {
		int status = 0;
		long pid;

		if (flags == CLONE_PARENT) {
			struct clone_args arguments = {.flags = flags};

			pid = syscall(SYS_clone3, &arguments, sizeof(arguments));
		} else {
			pid = copy(flags);
		}
		if (pid < 0)
			return 3;
		if (!pid)
			_exit(be_copy(depth));
		free(malloc(1));
		if (flags != CLONE_PARENT)
			bad += waitpid((pid_t)pid, &status, 0) != pid || status;
	}
	allocate("in_original", in_original);
	return bad;
}
