/* SPDX-License-Identifier: MIT */
#include "registers.h"

#include <elf.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/user.h>

#include "image.h"

/* Where in the set the stack pointer lies. */
#if defined(__x86_64__)
#define STACK_WORD (offsetof(struct user_regs_struct, rsp) / 8)
#elif defined(__aarch64__)
#define STACK_WORD (offsetof(struct user_regs_struct, sp) / 8)
#else
#define STACK_WORD SIZE_MAX
#endif

static void append(struct image_thread *thread, const void *words, size_t bytes)
{
	size_t count = bytes / 8, room = IMAGE_REGISTERS_MOST - thread->registers_count;

	if (count > room)
		count = room;
	memcpy(thread->registers + thread->registers_count, words, count * 8);
	thread->registers_count += count;
}

void registers_take_general(struct image_thread *thread, const void *set, size_t bytes)
{
	if (STACK_WORD < bytes / 8)
		memcpy(&thread->stack, (const char *)set + 8 * STACK_WORD, 8);
	append(thread, set, bytes);
}

void registers_of_thread(struct image_thread *thread)
{
	uint64_t set[256];
	struct iovec io = {.iov_base = set, .iov_len = sizeof(set)};

	if (ptrace(PTRACE_GETREGSET, thread->tid, (void *)(uintptr_t)NT_PRSTATUS, &io) == 0)
		registers_take_general(thread, set, io.iov_len);
}
