/* SPDX-License-Identifier: MIT */
/*
 * confined HOW ACTION PAIRS: allocates, installs a filter of system calls that leaves it
 * little more than read, write, mmap, munmap, brk and exit, and goes on allocating.
 *
 * HOW: prctl, syscall, strict (SECCOMP_MODE_STRICT), vfork (a vfork child confines itself
 * and is replaced; its parent is free), threads (three others are confined along).
 * ACTION: what becomes of other calls: kill, trap or errno.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <malloc.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "truth.h"

#define THREADS 3
#define BEFORE 1000
#define KEPT_EVERY 100
#define LIST_MOST 32

static TRUTH_SITE void *before_the_filter(size_t size)
{
	return malloc(size);
}

static TRUTH_SITE void *behind_the_filter(size_t size)
{
	return malloc(size);
}

static void churn(void *(*allocate)(size_t size), long pairs, struct truth_count *count)
{
	for (long i = 0; i < pairs; i++) {
		size_t size = 16 + (size_t)(i * 37 % 900);
		char *block = allocate(size);

		if (!block)
			_exit(11);
		block[0] = 1;
		truth_allocated(count, size);
		if (i % KEPT_EVERY == 0)
			continue;
		free(block);
		truth_freed(count, size);
	}
}

/* A program that lets `allowed` through and answers everything else with `action`. */
static long install(const char *how, unsigned action, const int *allowed)
{
	struct sock_filter code[LIST_MOST * 2 + 2];
	struct sock_fprog program = {.filter = code};
	unsigned short n = 0;

	code[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
						 offsetof(struct seccomp_data, nr));
	for (; *allowed >= 0; allowed++) {
		code[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K,
							 (unsigned)*allowed, 0, 1);
		code[n++] =
			(struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	}
	code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, action);
	program.len = n;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return -1;
	if (strcmp(how, "syscall") == 0)
		return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program);
	if (strcmp(how, "threads") == 0)
		return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
			       SECCOMP_FILTER_FLAG_TSYNC, &program);
	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}

static unsigned action_named(const char *name)
{
	return strcmp(name, "kill") == 0   ? SECCOMP_RET_KILL_PROCESS
	       : strcmp(name, "trap") == 0 ? SECCOMP_RET_TRAP
					   : SECCOMP_RET_ERRNO | EPERM;
}

static const int least[] = {SYS_read, SYS_write, SYS_mmap,	 SYS_munmap,
			    SYS_brk,  SYS_exit,	 SYS_exit_group, -1};

/* What glibc's threads need to wait and to end, too. */
static const int for_threads[] = {
	SYS_read,     SYS_write,      SYS_mmap,		  SYS_munmap,
	SYS_brk,      SYS_exit,	      SYS_futex,	  SYS_madvise,
	SYS_mprotect, SYS_exit_group, SYS_rt_sigprocmask, -1};

static const int for_exec[] = {SYS_execve, SYS_exit_group, SYS_exit, -1};

static atomic_int ready, confined;
static long pairs;

static void *thread(void *argument)
{
	struct truth_count *counts = argument;

	churn(before_the_filter, BEFORE, &counts[0]);
	atomic_fetch_add(&ready, 1);
	while (!atomic_load(&confined))
		;
	churn(behind_the_filter, pairs, &counts[1]);
	return NULL;
}

static void add(struct truth_count *sum, const struct truth_count *count)
{
	sum->allocations += count->allocations;
	sum->allocated_bytes += count->allocated_bytes;
	sum->live_blocks += count->live_blocks;
	sum->live_bytes += count->live_bytes;
}

static int run_threads(unsigned action, struct truth_count *sums)
{
	static struct truth_count counts[THREADS][2];
	pthread_t threads[THREADS];

	for (int i = 0; i < THREADS; i++)
		if (pthread_create(&threads[i], NULL, thread, counts[i]))
			return 5;
	while (atomic_load(&ready) < THREADS)
		;
	if (install("threads", action, for_threads))
		return 6;
	atomic_store(&confined, 1);
	for (int i = 0; i < THREADS; i++) {
		pthread_join(threads[i], NULL);
		add(&sums[0], &counts[i][0]);
		add(&sums[1], &counts[i][1]);
	}
	return 0;
}

/* The child may do nothing that its filter refuses; what it allocates is its parent's. It
 * has no more time than until the exec, which fails. */
static int run_vfork(unsigned action, struct truth_count *sum)
{
	char *const arguments[] = {(char *)"/nowhere", NULL};
	pid_t child = vfork();
	int status;

	if (child == 0) {
		if (install("prctl", action, for_exec))
			_exit(7);
		free(malloc(99));
		execve(arguments[0], arguments, environ);
		_exit(8);
	}
	truth_allocated(sum, 99);
	truth_freed(sum, 99);
	if (child < 0 || waitpid(child, &status, 0) != child)
		return 9;
	return WIFEXITED(status) && WEXITSTATUS(status) == 8 ? 0 : 10;
}

/* Where the truth goes: to be found out while that can be asked. */
static int truth_descriptor(void)
{
	const char *number = getenv("TRUTH_FD");
	int fd = number ? atoi(number) : STDOUT_FILENO;

	return fcntl(fd, F_GETFD) >= 0 ? fd : STDOUT_FILENO;
}

int main(int argc, char **argv)
{
	const int fd = truth_descriptor();
	struct truth_count sums[2] = {{0}, {0}}, child = {0};
	int status = 0;

	if (argc != 4)
		return 2;
	pairs = atol(argv[3]);
	/* The heap that strict mode leaves no way to enlarge. */
	mallopt(M_TOP_PAD, 64 << 20);
	churn(before_the_filter, BEFORE, &sums[0]);
	if (strcmp(argv[1], "strict") == 0)
		status = prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT) ? 6 : 0;
	else if (strcmp(argv[1], "threads") == 0)
		status = run_threads(action_named(argv[2]), sums);
	else if (strcmp(argv[1], "vfork") == 0)
		status = run_vfork(action_named(argv[2]), &child);
	else
		status = install(argv[1], action_named(argv[2]), least) ? 6 : 0;
	if (status)
		return status;
	churn(behind_the_filter, pairs, &sums[1]);
	truth_site("before_the_filter", &sums[0], NULL);
	truth_site("behind_the_filter", &sums[1], NULL);
	truth_site("run_vfork", &child, NULL);
	truth_print_to(fd);
	if (strcmp(argv[1], "strict") == 0)
		syscall(SYS_exit, 0);
	return 0;
}
