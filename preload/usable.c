/* SPDX-License-Identifier: MIT */
#include "usable.h"

#include <string.h>

#include "recorder.h"

#define TRIAL_BLOCKS 64u

uint32_t usable_way;
static uint32_t tried;

void usable_begin(const char *allocator_path)
{
#if defined(__x86_64__) && defined(__GLIBC__)
	const char *slash = strrchr(allocator_path, '/');

	if (slash && strcmp(slash, "/libc.so.6") == 0)
		__atomic_store_n(&usable_way, USABLE_TRY, __ATOMIC_RELAXED);
#else
	(void)allocator_path;
#endif
}

/* Whether an event came while another one of this thread is being recorded. */
static bool in_nested_event(void)
{
	const struct recorder *r = recorder_thread.recorder;

	return r && r->nested && r->nested->busy;
}

size_t usable_ask(const void *p)
{
	size_t bytes;

	/* tcmalloc's allocates when it is first called, which brings us here again, and so
	 * on. */
	if (in_nested_event())
		return 0;
	/* It only reads; the parameter is not const for historical reasons. */
	bytes = real.malloc_usable_size((void *)(uintptr_t)p);

	if (__atomic_load_n(&usable_way, __ATOMIC_RELAXED) == USABLE_TRY) {
		if (usable_in_front(p) != bytes)
			__atomic_store_n(&usable_way, USABLE_ASK, __ATOMIC_RELAXED);
		else if (++tried >= TRIAL_BLOCKS)
			__atomic_store_n(&usable_way, USABLE_IN_FRONT, __ATOMIC_RELAXED);
	}
	return bytes;
}
