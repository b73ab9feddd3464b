/* SPDX-License-Identifier: MIT */
/*
 * Makes a child by the bare system call, behind the C library's back, and allocates in both
 * processes at the same time: 100,000 times here, 50,000 times there.
 */
#include <signal.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "truth.h"

static TRUTH_SITE void *in_parent(size_t size)
{
	return malloc(size);
}

static TRUTH_SITE void *in_parent_before(size_t size)
{
	return malloc(size);
}

static TRUTH_SITE void *in_raw_child(size_t size)
{
	return malloc(size);
}

static void churn(const char *function, void *(*allocate)(size_t size), size_t blocks)
{
	struct truth_count count = {0};

	for (size_t i = 1; i <= blocks; i++) {
		size_t size = 1 + i % 1000;
		void *block = allocate(size);

		truth_allocated(&count, size);
		if (i % 100) {
			free(block);
			truth_freed(&count, size);
		}
	}
	truth_site(function, &count, NULL);
}

int main(void)
{
	void *before = in_parent_before(4321);
	long child = syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, NULL);
	int status = 0;

	if (child < 0)
		return 3;
	if (child == 0) {
		churn("in_raw_child", in_raw_child, 50000);
		truth_number("pid", syscall(SYS_getpid));
		truth_print();
		exit(0);
	}
	churn("in_parent", in_parent, 100000);
	free(before);
	if (waitpid((pid_t)child, &status, 0) != child || status != 0)
		return 4;
	truth_number("pid", syscall(SYS_getpid));
	truth_print();
	return 0;
}
