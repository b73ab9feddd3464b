/* SPDX-License-Identifier: MIT */
#include "standstill.h"

#include <dirent.h>
#include <elf.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>

#include "image.h"
#include "registers.h"

/* A thread in an uninterruptible wait does not stop before that ends. */
#define WAIT_NS 1000000000ll
#define PAUSE_NS 50000l

struct standstill_thread {
	int tid;
	bool stopped, gone;
	int signal; /* to be delivered when it goes on; 0: none */
};

static struct standstill_thread *find(const struct standstill *standstill, int tid)
{
	for (size_t i = 0; i < standstill->count; i++) {
		if (standstill->threads[i].tid == tid)
			return &standstill->threads[i];
	}
	return NULL;
}

static int seize(struct standstill *standstill, int tid)
{
	if (standstill->count == standstill->room) {
		size_t room = standstill->room ? 2 * standstill->room : 16;
		struct standstill_thread *moved =
			reallocarray(standstill->threads, room, sizeof(*moved));

		if (!moved)
			return -ENOMEM;
		standstill->threads = moved;
		standstill->room = room;
	}
	if (ptrace(PTRACE_SEIZE, tid, NULL, NULL) < 0)
		return -errno;
	standstill->threads[standstill->count++] = (struct standstill_thread){.tid = tid};
	if (ptrace(PTRACE_INTERRUPT, tid, NULL, NULL) < 0)
		return -errno;
	return 0;
}

/* Seizes every thread that is not yet. Returns how many were new, or a negative errno; a
 * thread that ends meanwhile is no error. */
static int seize_new(struct standstill *standstill, int pid)
{
	char path[64];
	struct dirent *entry;
	DIR *folder;
	int fresh = 0, r = 0;

	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	folder = opendir(path);
	if (!folder)
		return errno == ENOENT ? -ESRCH : -errno;
	while (r == 0 && (entry = readdir(folder))) {
		int tid = atoi(entry->d_name);

		if (tid <= 0 || find(standstill, tid))
			continue;
		r = seize(standstill, tid);
		fresh += r == 0;
		if (r == -ESRCH && tid != pid)
			r = 0;
	}
	closedir(folder);
	return r < 0 ? r : fresh;
}

/* Sees whether a thread has stopped. */
static void look(struct standstill_thread *thread)
{
	int status;
	pid_t got = waitpid(thread->tid, &status, __WALL | WNOHANG);

	if (got == 0)
		return;
	if (got < 0 || !WIFSTOPPED(status)) {
		thread->gone = true;
		return;
	}
	thread->stopped = true;
	/* A stop for a signal that is on its way, or was on its way before ours. */
	if (status >> 16 == 0)
		thread->signal = WSTOPSIG(status);
}

static int64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static void wait_for_all(struct standstill *standstill)
{
	const int64_t deadline = now_ns() + WAIT_NS;
	bool waiting = true;

	while (waiting) {
		waiting = false;
		for (size_t i = 0; i < standstill->count; i++) {
			struct standstill_thread *thread = &standstill->threads[i];

			if (!thread->stopped && !thread->gone)
				look(thread);
			waiting |= !thread->stopped && !thread->gone;
		}
		if (waiting) {
			if (now_ns() > deadline)
				return;
			nanosleep(&(struct timespec){.tv_nsec = PAUSE_NS}, NULL);
		}
	}
}

int standstill_begin(struct standstill *standstill, int pid)
{
	int r;

	memset(standstill, 0, sizeof(*standstill));
	while ((r = seize_new(standstill, pid)) > 0)
		wait_for_all(standstill);
	if (r < 0)
		standstill_end(standstill);
	return r;
}

int standstill_threads(const struct standstill *standstill, struct image *image)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < standstill->count; i++) {
		const struct standstill_thread *from = &standstill->threads[i];
		struct image_thread thread = {.tid = from->tid, .stopped = from->stopped};

		if (from->gone)
			continue;
		if (from->stopped)
			registers_of_thread(&thread);
		r = image_add_thread(image, &thread);
	}
	return r;
}

/* What was never stopped must stop before it can be let go. */
static void let_go(struct standstill_thread *thread)
{
	if (thread->gone)
		return;
	if (!thread->stopped)
		look(thread);
	if (thread->stopped)
		(void)ptrace(PTRACE_DETACH, thread->tid, NULL, (long)thread->signal);
}

void standstill_end(struct standstill *standstill)
{
	for (size_t i = 0; i < standstill->count; i++)
		let_go(&standstill->threads[i]);
	free(standstill->threads);
	memset(standstill, 0, sizeof(*standstill));
}
