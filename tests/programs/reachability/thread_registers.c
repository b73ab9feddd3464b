/* SPDX-License-Identifier: MIT */
/*
 * A thread computes when the program ends, and a register is the only place that holds a
 * block's address.
 */
#include "leak_case.h"
#include "leak_thread.h"

static LEAK_SITE void *hidden_block(void)
{
	return (void *)~(uintptr_t)leak_block(61, LEAK_REACHABLE);
}

static void *body(void *unused)
{
	void *block = hidden_block();

	(void)unused;
	leak_scrub();
#if defined(__x86_64__)
	__asm__ volatile("not %0\n\tlock incl %1\n1:\tpause\n\tjmp 1b"
			 : "+b"(block), "+m"(leak_threads_ready)
			 :
			 : "cc", "memory");
#elif defined(__aarch64__)
	{
		register void *kept __asm__("x19") = block;
		register atomic_int *ready __asm__("x20") = &leak_threads_ready;

		__asm__ volatile("mvn %0, %0\n0:\tldaxr w9, [%1]\n\tadd w9, w9, #1\n\t"
				 "stlxr w10, w9, [%1]\n\tcbnz w10, 0b\n1:\tyield\n\tb 1b"
				 : "+r"(kept)
				 : "r"(ready)
				 : "x9", "x10", "cc", "memory");
	}
#else
#error "say how to hold an address in a register here"
#endif
	return NULL;
}

static LEAK_SITE void build(void)
{
	leak_thread(body, NULL, NULL);
}

int main(void)
{
	return leak_case(build);
}
