/* SPDX-License-Identifier: MIT */
/*
 * Allocates below code that no table describes, as a just-in-time compiler makes it: with a
 * frame of the usual kind, and with the frame pointer in use for something else: odd
 * values, addresses of nothing, of memory that cannot be read, of frames that are gone, of
 * itself, and of what looks like a frame but returns to nowhere. On x86-64 only.
 *
 * The number of rounds is the only argument.
 */
#include <alloca.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "truth.h"

#define STACK_BYTES (256 * 1024)
#define PAGE 4096

/* The compiler must not see what becomes of a frame's memory, nor make a call a jump. */
#define KEEP(p) __asm__ volatile("" : : "r"(p) : "memory")

typedef void code(void (*function)(void), uintptr_t value);

/* push rbp; mov rbp, rsp; call rdi; pop rbp; ret */
static const uint8_t framed_code[] = {0x55, 0x48, 0x89, 0xe5, 0xff, 0xd7, 0x5d, 0xc3};
/* push rbp; mov rbp, rsi; call rdi; pop rbp; ret */
static const uint8_t frameless_code[] = {0x55, 0x48, 0x89, 0xf5, 0xff, 0xd7, 0x5d, 0xc3};

static code *framed, *frameless;
static struct truth_count below_frame, below_none;

static TRUTH_SITE void allocate(struct truth_count *count, size_t size)
{
	void *block = malloc(size);

	truth_allocated(count, size);
	KEEP(block);
	free(block);
	truth_freed(count, size);
}

static TRUTH_SITE void allocate_below_frame(void)
{
	allocate(&below_frame, 24);
	KEEP(&below_frame);
}

static TRUTH_SITE void allocate_below_none(void)
{
	allocate(&below_none, 40);
	KEEP(&below_none);
}

static code *make_code(const uint8_t *bytes, size_t length)
{
	void *page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			  -1, 0);
	code *made;

	if (page == MAP_FAILED)
		_Exit(3);
	memcpy(page, bytes, length);
	if (mprotect(page, PAGE, PROT_READ | PROT_EXEC))
		_Exit(4);
	memcpy(&made, &page, sizeof(made));
	return made;
}

/* Keeps a frame pointer in every build, because of its size. */
static TRUTH_SITE void through_frame(unsigned round)
{
	char *room = alloca(1 + round % 300);

	KEEP(room);
	framed(allocate_below_frame, 0);
	KEEP(room);
}

static TRUTH_SITE void through_none(unsigned round, uintptr_t beyond_stack)
{
	uintptr_t false_frames[6] = {0, 7}; /* returns to 7 */
	const uintptr_t here = (uintptr_t)__builtin_frame_address(0);
	const uintptr_t values[] = {
		0,
		round,
		UINTPTR_MAX,
		0xdeadbeefdeadbee8u, /* no address at all */
		(uintptr_t)through_none,
		here | 1,
		here - 1024,
		here - 2 * PAGE,
		beyond_stack, /* cannot be read */
		beyond_stack - 8,
		(uintptr_t)&false_frames[0],
		(uintptr_t)&false_frames[2],
		(uintptr_t)&false_frames[4],
	};

	false_frames[0] = (uintptr_t)&false_frames[4];
	false_frames[2] = (uintptr_t)&false_frames[2]; /* its own caller */
	false_frames[3] = (uintptr_t)through_none + 4;
	false_frames[4] = (uintptr_t)&false_frames[0]; /* called from farther in */
	false_frames[5] = (uintptr_t)through_none + 4;
	KEEP(false_frames);
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		frameless(allocate_below_none, values[i]);
		KEEP(values);
	}
}

static unsigned rounds;

static void *in_thread(void *stack_end)
{
	for (unsigned round = 0; round < rounds; round++) {
		through_frame(round / 3);
		through_none(round, (uintptr_t)stack_end);
	}
	return NULL;
}

int main(int argc, char **argv)
{
	/* With a page behind the stack that cannot be read. */
	char *stack = mmap(NULL, STACK_BYTES + PAGE, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	pthread_attr_t attributes;
	pthread_t thread;

	rounds = argc == 2 ? (unsigned)atoi(argv[1]) : 1000;
	framed = make_code(framed_code, sizeof(framed_code));
	frameless = make_code(frameless_code, sizeof(frameless_code));
	if (stack == MAP_FAILED || mprotect(stack + STACK_BYTES, PAGE, PROT_NONE) ||
	    pthread_attr_init(&attributes) ||
	    pthread_attr_setstack(&attributes, stack, STACK_BYTES) ||
	    pthread_create(&thread, &attributes, in_thread, stack + STACK_BYTES) ||
	    pthread_join(thread, NULL))
		return 5;
	truth_site("allocate_below_frame", &below_frame, NULL);
	truth_site("allocate_below_none", &below_none, NULL);
	truth_print();
	return 0;
}
