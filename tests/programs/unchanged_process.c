/* SPDX-License-Identifier: MIT */
/*
 * Prints everything about its process that a recorder might disturb: the environment, the
 * descriptors that are open and the first one that open() gives, the number of threads,
 * signal handlers and masks, limits, the working directory, errno, timers.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

static int entries(const char *directory)
{
	DIR *stream = opendir(directory);
	int count = 0;

	while (stream && readdir(stream))
		count++;
	closedir(stream);
	return count - 2; /* . and .. */
}

static void print_signals(void)
{
	sigset_t mask, pending;

	sigprocmask(SIG_BLOCK, NULL, &mask);
	sigpending(&pending);
	for (int signal = 1; signal < NSIG; signal++) {
		struct sigaction action;

		if (sigaction(signal, NULL, &action))
			continue;
		printf("signal %d handler %s flags %x blocked %d pending %d\n", signal,
		       action.sa_handler == SIG_DFL   ? "default"
		       : action.sa_handler == SIG_IGN ? "ignored"
						      : "set",
		       (unsigned)action.sa_flags, sigismember(&mask, signal),
		       sigismember(&pending, signal));
	}
}

static void print_limits(void)
{
	struct itimerval timer;
	stack_t stack;

	for (int resource = 0; resource < RLIMIT_NLIMITS; resource++) {
		struct rlimit limit;

		getrlimit((__rlimit_resource_t)resource, &limit);
		printf("limit %d %llu %llu\n", resource, (unsigned long long)limit.rlim_cur,
		       (unsigned long long)limit.rlim_max);
	}
	for (int which = 0; which < 3; which++) {
		getitimer((__itimer_which_t)which, &timer);
		printf("timer %d %ld\n", which, timer.it_value.tv_sec);
	}
	sigaltstack(NULL, &stack);
	printf("alternate stack %d %zu\n", stack.ss_flags, stack.ss_size);
}

int main(int argc, char **argv)
{
	char directory[4096];
	mode_t mask = umask(0);
	int first;

	umask(mask);
	printf("errno %d\n", errno);
	first = open("/dev/null", O_RDONLY);
	printf("first descriptor %d\n", first);
	close(first);
	printf("descriptors below 100: ");
	for (int fd = 0; fd < 100; fd++)
		if (fcntl(fd, F_GETFD) >= 0)
			printf("%d ", fd);
	printf("\nthreads %d\n", entries("/proc/self/task"));
	print_signals();
	print_limits();
	printf("umask %o\n", (unsigned)mask);
	printf("directory %s\n", getcwd(directory, sizeof(directory)));
	printf("arguments");
	for (int i = 0; i < argc; i++)
		printf(" %s", argv[i]);
	printf("\n");
	for (char **variable = environ; *variable; variable++)
		printf("environment %s\n", *variable);
	return 0;
}
