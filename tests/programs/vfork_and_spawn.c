/* SPDX-License-Identifier: MIT */
/*
 * vfork_and_spawn CHILD: starts CHILD by vfork and exec, and by posix_spawn, again and
 * again between allocations of its own. A vfork child shares its parent's memory: what it
 * allocates before the exec belongs to the parent.
 */
#include <spawn.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "truth.h"

#define ROUNDS 20

static struct truth_count parent_count, vfork_count;
static void *volatile from_child;

static TRUTH_SITE void *in_parent(size_t size)
{
	truth_allocated(&parent_count, size);
	return malloc(size);
}

static TRUTH_SITE void *in_vfork_child(size_t size)
{
	truth_allocated(&vfork_count, size);
	return malloc(size);
}

static long started, bad;

static void wait_for(pid_t pid)
{
	int status;

	started++;
	bad += pid <= 0 || waitpid(pid, &status, 0) != pid || status != 0;
}

static void by_vfork(const char *child)
{
	pid_t pid = vfork();

	if (pid == 0) {
		from_child = in_vfork_child(444);
		execl(child, child, (char *)NULL);
		_exit(9);
	}
	wait_for(pid);
	free(from_child);
	truth_freed(&vfork_count, 444);
}

static void by_spawn(char *child)
{
	char *arguments[] = {child, NULL};
	pid_t pid = 0;

	bad += posix_spawn(&pid, child, NULL, NULL, arguments, environ) != 0;
	wait_for(pid);
}

int main(int argc, char **argv)
{
	if (argc != 2)
		return 2;
	for (size_t i = 1; i <= ROUNDS; i++) {
		void *block = in_parent(i);

		by_vfork(argv[1]);
		in_parent(10 * i);
		by_spawn(argv[1]);
		free(block);
		truth_freed(&parent_count, i);
	}
	truth_site("in_parent", &parent_count, NULL);
	truth_site("in_vfork_child", &vfork_count, NULL);
	truth_number("pid", getpid());
	truth_number("started", started);
	truth_number("bad", bad);
	truth_print();
	return bad != 0;
}
