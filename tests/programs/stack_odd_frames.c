/* SPDX-License-Identifier: MIT */
/*
 * Allocates below, and in handlers of faults in, functions whose frames are described by
 * expressions or by registers that callees may have saved (odd_frames.S), mixed at random
 * with frames of the compiler's. On x86-64 only.
 *
 * The arguments are the number of rounds and, optionally, "all": with those too that
 * libunwind cannot follow.
 */
#include <alloca.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>
#include <unistd.h>

#include "truth.h"

/* The compiler must not see what becomes of a frame's memory, nor make a call a jump. */
#define KEEP(p) __asm__ volatile("" : : "r"(p) : "memory")

typedef void calling(void (*function)(void));

calling frame_kept, frame_indexed, frame_in_rbx, frame_in_r12, frame_in_r13, frame_in_r14,
	frame_in_r15, frame_destroying, frame_fp_in_rbx, frame_fp_at_expression,
	frame_fp_is_expression, frame_fp_is_cfa, frame_return_in_rdx;

static calling *const frames[] = {
	frame_kept, frame_indexed, frame_in_rbx, frame_in_r12, frame_in_r13, frame_in_r14,
	frame_in_r15, frame_destroying, frame_fp_at_expression, frame_fp_is_expression,
	/* libunwind 1.6 ends stacks here, or goes wrong. */
	frame_fp_in_rbx, frame_fp_is_cfa, frame_return_in_rdx};

#define FRAMES_ALL (sizeof(frames) / sizeof(frames[0]))

static size_t frames_count = FRAMES_ALL - 3;
static struct truth_count count;
static uint64_t faults;
static uint32_t random_state = 1;
static unsigned levels;

static uint32_t draw(size_t below)
{
	random_state = random_state * 1664525u + 1013904223u;
	return (random_state >> 16) % (uint32_t)below;
}

static TRUTH_SITE void at_the_end(size_t size)
{
	void *block = malloc(size);

	truth_allocated(&count, size);
	KEEP(block);
	free(block);
	truth_freed(&count, size);
}

static void go_on(void);

/* Found by its frame pointer alone. */
static TRUTH_SITE void through_alloca(void)
{
	char *room = alloca(1 + draw(300));

	KEEP(room);
	frames[draw(frames_count)](go_on);
	KEEP(room);
}

static TRUTH_SITE void through_plain(void)
{
	frames[draw(frames_count)](go_on);
	KEEP(&levels);
}

static TRUTH_SITE void go_on(void)
{
	if (levels == 0) {
		at_the_end(8 + draw(8));
		return;
	}
	levels--;
	if (draw(2))
		through_alloca();
	else
		through_plain();
	at_the_end(20);
}

static void fault_handler(int signal, siginfo_t *info, void *context)
{
	ucontext_t *interrupted = context;

	(void)info;
	faults++;
	at_the_end((size_t)signal);
	interrupted->uc_mcontext.gregs[REG_RIP] += 2;
}

int main(int argc, char **argv)
{
	unsigned rounds = argc >= 2 ? (unsigned)atoi(argv[1]) : 1000;
	struct sigaction action;

	if (argc == 3 && strcmp(argv[2], "all") == 0)
		frames_count = FRAMES_ALL;
	memset(&action, 0, sizeof(action));
	action.sa_sigaction = fault_handler;
	action.sa_flags = SA_SIGINFO;
	if (sigaction(SIGILL, &action, NULL))
		return 2;
	for (unsigned round = 0; round < rounds; round++) {
		levels = round % 6;
		go_on();
	}
	truth_number("faults", (long long)faults);
	truth_site("at_the_end", &count, NULL);
	truth_print();
	return 0;
}
