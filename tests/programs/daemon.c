/* SPDX-License-Identifier: MIT */
/*
 * daemon FILE: becomes a daemon the classic way (fork, setsid, fork, chdir to the root, all
 * descriptors closed), then makes 100,000 events and leaves its truth in FILE, which it
 * creates when it is done.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "truth.h"

static TRUTH_SITE void *in_daemon(size_t size)
{
	return malloc(size);
}

static TRUTH_SITE void *in_starter(size_t size)
{
	return malloc(size);
}

static int daemonise(void)
{
	pid_t pid = fork();

	if (pid < 0)
		return -1;
	if (pid > 0) {
		waitpid(pid, NULL, 0);
		_exit(0);
	}
	if (setsid() < 0)
		return -1;
	pid = fork();
	if (pid < 0)
		return -1;
	if (pid > 0)
		_exit(0);
	umask(0);
	closefrom(0);
	return chdir("/");
}

int main(int argc, char **argv)
{
	struct truth_count count = {0};
	char partial[4096];
	int fd;

	if (argc != 2 || snprintf(partial, sizeof(partial), "%s.partial", argv[1]) >=
				 (int)sizeof(partial))
		return 2;
	free(in_starter(99));
	if (daemonise())
		return 3;
	for (size_t i = 0; i < 50000; i++) {
		size_t size = 10 + i % 77;
		void *block = in_daemon(size);

		truth_allocated(&count, size);
		if (i >= 10) {
			free(block);
			truth_freed(&count, size);
		}
	}
	fd = open(partial, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	truth_site("in_daemon", &count, NULL);
	truth_number("pid", getpid());
	truth_number("first descriptor", fd);
	truth_print_to(fd);
	close(fd);
	return rename(partial, argv[1]) != 0;
}
