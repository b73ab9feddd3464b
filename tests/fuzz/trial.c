/* SPDX-License-Identifier: MIT */
#include "trial.h"

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* What an input leaves behind in a worker must not add up over all of them. */
#define INPUTS_A_WORKER 2000u

const char *const trial_fates[TRIAL_FATES] = {"fine",  "noticed", "short",
					      "large", "slow",	  "died"};

/* Shared with the worker of a job, which may end at any instant. */
struct job {
	unsigned long next; /* the input at hand */
	struct trial_tally tally;
	pid_t worker; /* 0: none any more */
};

/* ---- In a worker ------------------------------------------------------------------- */

static uint64_t address_space(void)
{
	unsigned long pages = 0;
	FILE *file = fopen("/proc/self/statm", "re");

	if (file && fscanf(file, "%lu", &pages) != 1)
		pages = 0;
	if (file)
		fclose(file);
	return (uint64_t)pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

/* 0: without a limit. */
static void limit_time(time_t cpu_s, unsigned wall_s)
{
	const struct itimerval cpu = {.it_value = {.tv_sec = cpu_s}};

	(void)setitimer(ITIMER_PROF, &cpu, NULL);
	(void)alarm(wall_s);
}

static double cpu_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static enum trial_fate try_input(const struct trial *trial, struct job *job)
{
	struct trial_tally *tally = &job->tally;
	double begin = cpu_now(), seconds;
	enum trial_fate fate;
	struct rusage usage;

	limit_time(TRIAL_CPU_SECONDS, TRIAL_WALL_SECONDS);
	fate = trial->try(trial->context, job->next);
	limit_time(0, 0);
	seconds = cpu_now() - begin;
	if (seconds > tally->slowest_s)
		tally->slowest_s = seconds;
	(void)getrusage(RUSAGE_SELF, &usage);
	if (usage.ru_maxrss > tally->largest_kib)
		tally->largest_kib = usage.ru_maxrss;
	if ((uint64_t)usage.ru_maxrss * 1024 > TRIAL_MEMORY_BYTES)
		return TRIAL_LARGE;
	return fate;
}

/* Ends with the fate of the input at hand if that is not to be passed over. */
static _Noreturn void work(const struct trial *trial, struct job *job)
{
	struct rlimit memory = {0};

	memory.rlim_cur = memory.rlim_max = address_space() + TRIAL_MEMORY_BYTES;
	(void)setrlimit(RLIMIT_AS, &memory);
	for (unsigned i = 0; i < INPUTS_A_WORKER && job->next < trial->count; i++) {
		enum trial_fate fate = try_input(trial, job);

		if (fate > TRIAL_NOTICED || fate == trial->told)
			_exit(10 + (int)fate);
		job->tally.fates[fate]++;
		job->next += trial->jobs;
	}
	_exit(0);
}

/* ---- Around them --------------------------------------------------------------------- */

static void start(const struct trial *trial, struct job *job)
{
	sigset_t none;
	pid_t pid;

	job->worker = 0;
	if (job->next >= trial->count)
		return;
	pid = fork();
	if (pid < 0) {
		perror("fork");
		exit(2);
	}
	if (pid == 0) {
		sigemptyset(&none);
		sigprocmask(SIG_SETMASK, &none, NULL);
		work(trial, job);
	}
	job->worker = pid;
}

static enum trial_fate fate_of(int status)
{
	if (WIFEXITED(status) && WEXITSTATUS(status) >= 10 &&
	    WEXITSTATUS(status) < 10 + TRIAL_FATES)
		return (enum trial_fate)(WEXITSTATUS(status) - 10);
	if (WIFSIGNALED(status) &&
	    (WTERMSIG(status) == SIGPROF || WTERMSIG(status) == SIGALRM))
		return TRIAL_SLOW;
	return TRIAL_DIED;
}

/* Goes on behind the input that ended a worker. */
static void go_on(const struct trial *trial, struct job *job, int status)
{
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
		enum trial_fate fate = fate_of(status);

		job->tally.fates[fate]++;
		trial->tell(trial->context, job->next, fate);
		job->next += trial->jobs;
	}
	start(trial, job);
}

static void add_up(const struct job *jobs, unsigned count, struct trial_tally *tally)
{
	for (unsigned i = 0; i < count; i++) {
		const struct trial_tally *one = &jobs[i].tally;

		for (unsigned fate = 0; fate < TRIAL_FATES; fate++)
			tally->fates[fate] += one->fates[fate];
		if (one->slowest_s > tally->slowest_s)
			tally->slowest_s = one->slowest_s;
		if (one->largest_kib > tally->largest_kib)
			tally->largest_kib = one->largest_kib;
	}
}

static void show_progress(const struct trial *trial, const struct job *jobs)
{
	struct trial_tally tally = {.fates = {0}};
	unsigned long done = 0;

	add_up(jobs, trial->jobs, &tally);
	for (unsigned fate = 0; fate < TRIAL_FATES; fate++)
		done += tally.fates[fate];
	fprintf(stderr, "\r%lu of %lu, %lu bad ", done, trial->count,
		done - tally.fates[TRIAL_FINE] - tally.fates[TRIAL_NOTICED]);
}

/* Waits for a worker, with a look at the clock each second. */
static struct job *wait_for_one(const struct trial *trial, struct job *jobs,
				bool is_terminal, int *ret_status)
{
	const struct timespec second = {.tv_sec = 1};
	sigset_t child;
	pid_t pid;

	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	while ((pid = waitpid(-1, ret_status, WNOHANG)) == 0) {
		(void)sigtimedwait(&child, NULL, &second);
		if (is_terminal)
			show_progress(trial, jobs);
	}
	for (unsigned i = 0; i < trial->jobs; i++)
		if (pid > 0 && jobs[i].worker == pid)
			return &jobs[i];
	return NULL;
}

void trial_run(const struct trial *trial, struct trial_tally *ret_tally)
{
	const bool is_terminal = isatty(STDERR_FILENO);
	struct job *jobs = mmap(NULL, trial->jobs * sizeof(*jobs), PROT_READ | PROT_WRITE,
				MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct trial_tally tally = {.fates = {0}};
	struct rusage usage;
	struct job *job;
	sigset_t child;
	int status;

	if (jobs == MAP_FAILED) {
		perror("mmap");
		exit(2);
	}
	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	sigprocmask(SIG_BLOCK, &child, NULL);
	for (unsigned i = 0; i < trial->jobs; i++) {
		jobs[i].next = i;
		start(trial, &jobs[i]);
	}
	while ((job = wait_for_one(trial, jobs, is_terminal, &status)) != NULL)
		go_on(trial, job, status);
	if (is_terminal)
		fprintf(stderr, "\r%40s\r", "");
	add_up(jobs, trial->jobs, &tally);
	(void)getrusage(RUSAGE_CHILDREN, &usage);
	tally.cpu_s = (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
		      (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
	(void)munmap(jobs, trial->jobs * sizeof(*jobs));
	*ret_tally = tally;
}
