/* SPDX-License-Identifier: MIT */
#include "usable.h"

#include <string.h>

#include "order.h"
#include "recorder.h"

#define TRIAL_BLOCKS 64u

uint32_t usable_way;
static uint32_t tried;
static bool asked; /* atomic */

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

/* It only reads; the parameter is not const for historical reasons. */
static size_t ask(const void *p)
{
	return real.malloc_usable_size((void *)(uintptr_t)p);
}

/* tcmalloc's allocates when it is first called: our doing, not the program's. */
static size_t ask_first(const void *p)
{
	struct recorder_pause pause = recorder_pause();
	size_t bytes = ask(p);

	recorder_resume(pause);
	__atomic_store_n(&asked, true, __ATOMIC_RELAXED);
	return bytes;
}

size_t usable_ask(const void *p)
{
	size_t bytes;

	/* Another thread's first question may be under way. */
	if (in_nested_event())
		return 0;
	bytes = __atomic_load_n(&asked, __ATOMIC_RELAXED) ? ask(p) : ask_first(p);

	if (__atomic_load_n(&usable_way, __ATOMIC_RELAXED) == USABLE_TRY) {
		if (usable_in_front(p) != bytes)
			__atomic_store_n(&usable_way, USABLE_ASK, __ATOMIC_RELAXED);
		else if (++tried >= TRIAL_BLOCKS)
			__atomic_store_n(&usable_way, USABLE_IN_FRONT, __ATOMIC_RELAXED);
	}
	return bytes;
}

size_t usable_ask_released(const void *p)
{
	return order_is_known(p) ? usable_ask(p) : 0;
}
