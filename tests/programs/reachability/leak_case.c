/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <unistd.h>

#include "../truth.h"
#include "leak_case.h"

#define SCRUBBED_BYTES (128 * 1024)

static const char *const names[LEAK_KINDS] = {"definite", "indirect", "possible",
					      "reachable"};
static struct {
	unsigned long long blocks, bytes;
} expected[LEAK_KINDS];

void leak_expect(enum leak_kind kind, uint64_t blocks, uint64_t bytes)
{
	__atomic_fetch_add(&expected[kind].blocks, blocks, __ATOMIC_RELAXED);
	__atomic_fetch_add(&expected[kind].bytes, bytes, __ATOMIC_RELAXED);
}

LEAK_SITE void leak_scrub(void)
{
	volatile char pad[SCRUBBED_BYTES];

	for (size_t i = 0; i < sizeof(pad); i++)
		pad[i] = 0;
#if defined(__x86_64__)
	__asm__ volatile("xor %%eax, %%eax\n\txor %%ecx, %%ecx\n\txor %%edx, %%edx\n\t"
			 "xor %%esi, %%esi\n\txor %%edi, %%edi\n\txor %%r8d, %%r8d\n\t"
			 "xor %%r9d, %%r9d\n\txor %%r10d, %%r10d\n\txor %%r11d, %%r11d"
			 :
			 :
			 : "rax", "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11",
			   "cc");
#endif
}

LEAK_SITE void leak_into(void *volatile *ret_slot, size_t bytes, size_t offset,
			 enum leak_kind kind)
{
	*ret_slot = leak_inside(leak_block(bytes, kind), offset);
}

void leak_print(const char *more)
{
	char json[96];

	truth_number("pid", getpid());
	for (int kind = 0; kind < LEAK_KINDS; kind++) {
		snprintf(json, sizeof(json), "{\"bytes\": %llu, \"blocks\": %llu}",
			 expected[kind].bytes, expected[kind].blocks);
		truth_json(names[kind], json);
		expected[kind].bytes = expected[kind].blocks = 0;
	}
	if (more)
		truth_json("more", more);
	truth_print();
}

LEAK_SITE int leak_case(void (*build)(void))
{
	build();
	leak_scrub();
	leak_print(NULL);
	return 0;
}
