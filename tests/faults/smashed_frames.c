/* SPDX-License-Identifier: MIT */
/*
 * Code that was made while the program ran, of which nobody knows anything, calls a
 * function that allocates - with a frame pointer that is no such thing: small, odd, in the
 * middle of nowhere, at the edge of what can be read, leading to itself, or into a ring.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "truth.h"

#define PAGE 4096
#define ROUNDS 200

static struct truth_count count;

static TRUTH_SITE void below_made_code(void)
{
	void *block = malloc(40);

	truth_allocated(&count, 40);
	free(block);
	truth_freed(&count, 40);
}

/* push rbp; push rbx; mov rbp, rdi; sub rsp, 8; call rsi; add rsp, 8; pop rbx; pop rbp; ret
 */
static const uint8_t code[] = {0xf3, 0x0f, 0x1e, 0xfa, 0x55, 0x53, 0x48, 0x89,
			       0xfd, 0x48, 0x83, 0xec, 0x08, 0xff, 0xd6, 0x48,
			       0x83, 0xc4, 0x08, 0x5b, 0x5d, 0xc3};

static void *map_pages(size_t pages, int protection)
{
	void *map =
		mmap(NULL, pages * PAGE, protection, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (map == MAP_FAILED)
		_exit(3);
	return map;
}

int main(void)
{
	char *page = map_pages(1, PROT_READ | PROT_WRITE | PROT_EXEC);
	char *edge = map_pages(2, PROT_READ | PROT_WRITE);
	uintptr_t ring[2][2], self[2], *on_stack = (uintptr_t *)__builtin_frame_address(0);
	void (*made)(uintptr_t fp, void (*callee)(void));

	memcpy(page, code, sizeof(code));
	made = (void (*)(uintptr_t, void (*)(void)))(uintptr_t)page;
	if (mprotect(edge + PAGE, PAGE, PROT_NONE))
		return 4;
	ring[0][0] = (uintptr_t)ring[1];
	ring[1][0] = (uintptr_t)ring[0];
	self[0] = (uintptr_t)self;
	ring[0][1] = ring[1][1] = self[1] = (uintptr_t)main + 1;
	for (int i = 0; i < ROUNDS; i++) {
		const uintptr_t pointers[] = {
			0,
			1,
			8,
			4095,
			UINTPTR_MAX,
			UINTPTR_MAX - 7,
			(uintptr_t)1 << 63,
			(uintptr_t)0x800000000000, /* the first that is no address */
			(uintptr_t)0x7fffffffeff8,
			(uintptr_t)edge + PAGE - 8, /* the second word cannot be read */
			(uintptr_t)edge + PAGE - 16,
			(uintptr_t)edge + PAGE,
			(uintptr_t)edge + 3,
			(uintptr_t)ring,
			(uintptr_t)self,
			(uintptr_t)&i,
			(uintptr_t)on_stack + 4096,
			(uintptr_t)on_stack,
			(uintptr_t)page,
			(uintptr_t)&count,
		};

		for (size_t p = 0; p < sizeof(pointers) / sizeof(pointers[0]); p++)
			made(pointers[p], below_made_code);
	}
	truth_site("below_made_code", &count, NULL);
	truth_print();
	return 0;
}
