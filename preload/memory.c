/* SPDX-License-Identifier: MIT */
#include "memory.h"

#include <sys/mman.h>

#include "sys.h"

/* Three mappings a thread, some for all. Beyond this a mapping is not known as ours. */
#define RANGES_MOST 8192u

static struct {
	uintptr_t start; /* atomic; 0: free */
	uintptr_t end;
} ranges[RANGES_MOST];
static uint32_t ranges_used; /* atomic; slots beyond were never used */

static void remember(uintptr_t start, size_t bytes)
{
	for (uint32_t i = 0; i < RANGES_MOST; i++) {
		uint32_t used = __atomic_load_n(&ranges_used, __ATOMIC_RELAXED);
		uintptr_t none = 0;

		if (!__atomic_compare_exchange_n(&ranges[i].start, &none, start, false,
						 __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
			continue;
		ranges[i].end = start + bytes;
		while (used < i + 1 &&
		       !__atomic_compare_exchange_n(&ranges_used, &used, i + 1, false,
						    __ATOMIC_RELEASE, __ATOMIC_RELAXED))
			;
		return;
	}
}

void *memory_map(size_t bytes)
{
	void *p = sys_map_memory(bytes);

	if (p) {
		(void)SYS3(SYS_madvise, p, bytes, MADV_DONTDUMP);
		remember((uintptr_t)p, bytes);
	}
	return p;
}

void memory_unmap(void *start, size_t bytes)
{
	uint32_t used = __atomic_load_n(&ranges_used, __ATOMIC_ACQUIRE);

	for (uint32_t i = 0; i < used; i++)
		if (__atomic_load_n(&ranges[i].start, __ATOMIC_RELAXED) ==
		    (uintptr_t)start) {
			__atomic_store_n(&ranges[i].start, 0, __ATOMIC_RELEASE);
			break;
		}
	sys_unmap(start, bytes);
}

bool memory_is_own(uintptr_t start, uintptr_t end)
{
	uint32_t used = __atomic_load_n(&ranges_used, __ATOMIC_ACQUIRE);

	for (uint32_t i = 0; i < used; i++) {
		uintptr_t own = __atomic_load_n(&ranges[i].start, __ATOMIC_ACQUIRE);

		if (own && own < end && ranges[i].end > start)
			return true;
	}
	return false;
}
