/* SPDX-License-Identifier: MIT */
/*
 * crash_handler WAY: a program that handles its own crashes. "recover": jumps out of the
 * handler of each of many bad reads and goes on. "report": the handler, on a stack of its
 * own, allocates, writes and raises the signal anew with its default. "inside": a bad free
 * makes the C library abort, and the handler of SIGABRT allocates.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "truth.h"

#define CRASHES 300

static struct truth_count before_count, handler_count;
static sigjmp_buf outside;
static char stack[32 * 1024];
static volatile int *volatile nowhere;

static TRUTH_SITE void *before_a_crash(size_t size)
{
	return malloc(size);
}

static TRUTH_SITE void *in_crash_handler(size_t size)
{
	return malloc(size);
}

static void allocate_in_handler(void)
{
	for (size_t i = 1; i <= 20; i++) {
		void *block = in_crash_handler(i);

		truth_allocated(&handler_count, i);
		if (i < 20) {
			free(block);
			truth_freed(&handler_count, i);
		}
	}
}

static void tell(void)
{
	truth_site("before_a_crash", &before_count, NULL);
	truth_site("in_crash_handler", &handler_count, NULL);
	truth_print();
}

static void recover(int signal)
{
	(void)signal;
	allocate_in_handler();
	siglongjmp(outside, 1);
}

static void report(int number)
{
	static const char text[] = "crashed\n";

	allocate_in_handler();
	if (write(STDERR_FILENO, text, sizeof(text) - 1) < 0)
		_exit(3);
	tell();
	signal(number, SIG_DFL);
	raise(number);
}

static void handle(int number, void (*handler)(int))
{
	struct sigaction action = {.sa_handler = handler, .sa_flags = SA_ONSTACK};
	stack_t alternate = {.ss_sp = stack, .ss_size = sizeof(stack)};

	sigaltstack(&alternate, NULL);
	sigaction(number, &action, NULL);
}

int main(int argc, char **argv)
{
	const char *way = argc == 2 ? argv[1] : "";

	for (size_t i = 1; i <= 100; i++) {
		free(before_a_crash(i));
		truth_allocated(&before_count, i);
		truth_freed(&before_count, i);
	}
	if (!strcmp(way, "recover")) {
		handle(SIGSEGV, recover);
		for (volatile int i = 0; i < CRASHES; i++)
			if (!sigsetjmp(outside, 1))
				return *nowhere;
		tell();
		return 0;
	}
	if (!strcmp(way, "report")) {
		handle(SIGSEGV, report);
		return *nowhere;
	}
	if (!strcmp(way, "inside")) {
		handle(SIGABRT, report);
		abort();
	}
	return 2;
}
