/* SPDX-License-Identifier: MIT */
/*
 * thread_stacks HOW: a thread is alive at the end, and its stack holds blocks: those of
 * frames that have not returned are reachable, those of frames that have are not. HOW it
 * passes its time: read, futex, sleep, spin; read_blocked and spin_blocked with all signals
 * blocked.
 */
#include <linux/futex.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "leak_case.h"
#include "leak_thread.h"

static const char *how;
static int pipe_fds[2];

static LEAK_SITE void returned(void)
{
	void *volatile slots[64];

	for (size_t i = 0; i < 64; i++)
		slots[i] = leak_block(50, LEAK_DEFINITE);
	leak_escape(slots);
}

static LEAK_SITE void pass_time(void)
{
	static const int word = 1;
	const struct timespec hour = {.tv_sec = 3600};
	char byte;

	leak_thread_ready();
	for (;;) {
		if (!strncmp(how, "read", 4))
			(void)!read(pipe_fds[0], &byte, 1);
		else if (!strcmp(how, "futex"))
			syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, 1, NULL, NULL, 0);
		else if (!strcmp(how, "sleep"))
			nanosleep(&hour, NULL);
	}
}

static LEAK_SITE void *body(void *argument)
{
	void *volatile slots[4];
	sigset_t all;

	leak_into(&slots[0], 51, 0, LEAK_REACHABLE);
	leak_into(&slots[1], 52, 30, LEAK_POSSIBLE);
	slots[2] = argument;
	slots[3] = leak_block(54, LEAK_REACHABLE);
	leak_put(slots[3], 0, leak_block(55, LEAK_REACHABLE));
	returned();
	leak_scrub();
	sigfillset(&all);
	if (strstr(how, "blocked"))
		pthread_sigmask(SIG_SETMASK, &all, NULL);
	for (;;)
		pass_time();
	leak_escape(slots);
	return NULL;
}

static LEAK_SITE void build(void)
{
	if (pipe(pipe_fds))
		abort();
	leak_thread(body, leak_block(53, LEAK_REACHABLE), NULL);
}

int main(int argc, char **argv)
{
	if (argc != 2)
		return 2;
	how = argv[1];
	return leak_case(build);
}
