/* SPDX-License-Identifier: MIT */
#include "launch.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "complaint.h"

/* Where the library is, seen from the directory of the binary. The install directory comes
 * from the build; relative, so that an installed tree can be moved. */
static const char *const library_places[] = {
	"../preload/libmftrace.so",
	MFTRACE_LIBRARY_FROM_BIN "/libmftrace.so",
	"../lib/mftrace/libmftrace.so",
};

int launch_find_library(char **ret_path, struct complaint *complaint)
{
	char binary[PATH_MAX];
	char *slash;
	ssize_t length = readlink("/proc/self/exe", binary, sizeof(binary) - 1);
	size_t i;

	if (length < 0) {
		complaint_set(complaint, "cannot be found: /proc/self/exe: %s",
			      strerror(errno));
		return -ENOENT;
	}
	binary[length] = '\0';
	slash = strrchr(binary, '/');
	if (slash)
		*slash = '\0';
	for (i = 0; i < sizeof(library_places) / sizeof(library_places[0]); i++) {
		char *place, *real;

		if (asprintf(&place, "%s/%s", binary, library_places[i]) < 0)
			return -ENOMEM;
		real = realpath(place, NULL);
		free(place);
		if (!real)
			continue;
		/* ld.so(8): the items of LD_PRELOAD are parted by spaces or colons, and
		 * there is no escaping. */
		if (strpbrk(real, " :")) {
			complaint_set(complaint,
				      "cannot be preloaded: its path (%s) holds a "
				      "space or a colon",
				      real);
			free(real);
			return -EINVAL;
		}
		*ret_path = real;
		return 0;
	}
	complaint_set(complaint, "not found: looked in %s/%s and %s/%s", binary,
		      library_places[0], binary, library_places[1]);
	return -ENOENT;
}

/* Puts a value before or behind what the variable holds. */
static int join_variable(const char *name, const char *first, const char *second)
{
	char *value;
	int error = 0;

	if (!first || !*first || !second || !*second)
		return setenv(name, first && *first ? first : second, 1) ? -errno : 0;
	if (asprintf(&value, "%s:%s", first, second) < 0)
		return -ENOMEM;
	if (setenv(name, value, 1))
		error = -errno;
	free(value);
	return error;
}

static volatile sig_atomic_t child_pid;

static void pass_on(int number)
{
	int error = errno;

	if (child_pid > 0)
		kill(child_pid, number);
	errno = error;
}

struct dispositions {
	struct sigaction interrupt, quit, terminate, hangup;
};

static void set_signals(struct dispositions *before)
{
	struct sigaction ignore = {.sa_handler = SIG_IGN};
	struct sigaction forward = {.sa_handler = pass_on, .sa_flags = SA_RESTART};

	sigaction(SIGINT, &ignore, &before->interrupt);
	sigaction(SIGQUIT, &ignore, &before->quit);
	sigaction(SIGTERM, &forward, &before->terminate);
	sigaction(SIGHUP, &forward, &before->hangup);
	/* nohup's work is kept. */
	if (before->hangup.sa_handler == SIG_IGN)
		sigaction(SIGHUP, &before->hangup, NULL);
}

static void restore_signals(const struct dispositions *before)
{
	sigaction(SIGINT, &before->interrupt, NULL);
	sigaction(SIGQUIT, &before->quit, NULL);
	sigaction(SIGTERM, &before->terminate, NULL);
	sigaction(SIGHUP, &before->hangup, NULL);
}

/* In the child; reports a failure through the pipe, which exec closes. */
__attribute__((noreturn)) static void become(const char *path, char **argv,
					     const char *library, const char *options,
					     int failure_pipe)
{
	int error = join_variable("LD_PRELOAD", library, getenv("LD_PRELOAD"));

	if (!error)
		error = join_variable("MFTRACE_OPTIONS", getenv("MFTRACE_OPTIONS"),
				      options);
	if (!error) {
		execv(path, argv);
		error = -errno;
		if (error == -ENOEXEC) {
			execvp(path, argv); /* a script without "#!" */
			error = -errno;
		}
	}
	while (write(failure_pipe, &error, sizeof(error)) < 0 && errno == EINTR)
		;
	_exit(127);
}

static int wait_for(pid_t pid, int *ret_status)
{
	int status;

	while (waitpid(pid, &status, 0) < 0) {
		if (errno != EINTR)
			return -errno;
	}
	*ret_status = status;
	return 0;
}

int launch_run(const char *path, char **argv, const char *library, const char *options,
	       pid_t *ret_pid, int *ret_status, struct complaint *complaint)
{
	struct dispositions before;
	sigset_t forwarded, mask;
	int failure = 0, status = 0;
	int ends[2];
	int error = 0;
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC) < 0) {
		error = -errno;
		complaint_set(complaint, "cannot be run: %s", strerror(-error));
		return error;
	}
	/* A signal between fork and the note of the pid would be lost. */
	sigemptyset(&forwarded);
	sigaddset(&forwarded, SIGTERM);
	sigaddset(&forwarded, SIGHUP);
	sigprocmask(SIG_BLOCK, &forwarded, &mask);
	set_signals(&before);
	pid = fork();
	if (pid == 0) {
		restore_signals(&before);
		sigprocmask(SIG_SETMASK, &mask, NULL);
		become(path, argv, library, options, ends[1]);
	}
	if (pid < 0)
		error = -errno;
	child_pid = pid;
	sigprocmask(SIG_SETMASK, &mask, NULL);
	close(ends[1]);
	if (!error && read(ends[0], &failure, sizeof(failure)) == sizeof(failure))
		error = failure;
	close(ends[0]);
	if (pid > 0) {
		int wait_error = wait_for(pid, &status);

		if (!error)
			error = wait_error;
	}
	child_pid = 0;
	restore_signals(&before);
	if (error) {
		complaint_set(complaint, "cannot be run: %s", strerror(-error));
		return error;
	}
	*ret_pid = pid;
	*ret_status = status;
	return 0;
}
