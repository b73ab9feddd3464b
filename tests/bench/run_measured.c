/* SPDX-License-Identifier: MIT */
/*
 * run_measured.c - runs a command and writes what it cost.
 *
 * run_measured RESULT COMMAND [ARGUMENTS]: the file RESULT gets one line: wall, user and
 * system time of the command and of the children it waited for, the largest resident set
 * among these processes, and the status that wait4 gave. A program of its own because a
 * process starts out with its parent's resident set as its maximum, and this parent is
 * small. Exit status: the command's; 127 when it cannot be run, 128 + N when signal N ended
 * it.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "stopwatch.h"

static uint64_t microseconds(struct timeval time)
{
	return (uint64_t)time.tv_sec * 1000000u + (uint64_t)time.tv_usec;
}

static int write_result(const char *path, uint64_t wall_ns, const struct rusage *usage,
			int status)
{
	FILE *file = fopen(path, "w");
	int written;

	if (!file)
		return -errno;
	written = fprintf(file,
			  "wall_ns=%" PRIu64 " user_us=%" PRIu64 " system_us=%" PRIu64
			  " maxrss_kib=%ld exit=%d signal=%d\n",
			  wall_ns, microseconds(usage->ru_utime),
			  microseconds(usage->ru_stime), usage->ru_maxrss,
			  WIFEXITED(status) ? WEXITSTATUS(status) : -1,
			  WIFSIGNALED(status) ? WTERMSIG(status) : 0);
	if (fclose(file) != 0 || written < 0)
		return -EIO;
	return 0;
}

int main(int argc, char **argv)
{
	struct stopwatch watch;
	struct rusage usage;
	int status, r;
	pid_t child;

	if (argc < 3) {
		fprintf(stderr, "usage: run_measured RESULT COMMAND [ARGUMENTS]\n");
		return 2;
	}
	stopwatch_start(&watch);
	child = fork();
	if (child == 0) {
		execvp(argv[2], argv + 2);
		fprintf(stderr, "run_measured: %s: %s\n", argv[2], strerror(errno));
		_exit(127);
	}
	if (child < 0) {
		fprintf(stderr, "run_measured: cannot fork: %s\n", strerror(errno));
		return 2;
	}
	while (wait4(child, &status, 0, &usage) < 0) {
		if (errno != EINTR)
			return 2;
	}
	stopwatch_stop(&watch);
	r = write_result(argv[1], watch.wall_ns, &usage, status);
	if (r < 0) {
		fprintf(stderr, "run_measured: %s: cannot write: %s\n", argv[1],
			strerror(-r));
		return 2;
	}
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
