/* SPDX-License-Identifier: MIT */
/*
 * enters_chroot DIRECTORY: makes an empty directory its root, gives up its privileges, and
 * goes on: nothing outside can be opened any more, neither /proc nor the dump's directory.
 * A child forked there has no place for a dump of its own.
 */
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "truth.h"

#define BLOCKS 200000
#define NOBODY 65534

static struct truth_count count;

static TRUTH_SITE void *in_jail(size_t size)
{
	return malloc(size);
}

int main(int argc, char **argv)
{
	int status = 0;
	pid_t pid;

	if (argc != 2 || chroot(argv[1]) || chdir("/"))
		return 2;
	if (setgid(NOBODY) || setuid(NOBODY))
		return 3;
	for (size_t i = 1; i <= BLOCKS; i++) {
		size_t size = 1 + i % 200;
		void *block = in_jail(size);

		truth_allocated(&count, size);
		if (i % 100) {
			free(block);
			truth_freed(&count, size);
		}
	}
	pid = fork();
	if (!pid) {
		for (size_t i = 1; i <= 1000; i++)
			free(malloc(i));
		_exit(7);
	}
	if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status) ||
	    WEXITSTATUS(status) != 7)
		return 4;
	truth_site("in_jail", &count, NULL);
	truth_number("pid", getpid());
	truth_print();
	return 0;
}
