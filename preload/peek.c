/* SPDX-License-Identifier: MIT */
#include "peek.h"

#if defined(__x86_64__)
#include <cpuid.h>
#endif
#include <fcntl.h>
#include <string.h>

#include "sys.h"

/* Bits of a pagemap entry: Documentation/admin-guide/mm/pagemap.rst. */
#define PAGE_PRESENT (1ull << 63)
#define PAGE_SWAPPED (1ull << 62)

#if defined(__x86_64__)
static bool has_keys(void)
{
	unsigned a, b, c, d;

	return __get_cpuid_count(7, 0, &a, &b, &c, &d) && c >> 4 & 1; /* OSPKE */
}

static uint32_t set_keys(uint32_t rights)
{
	uint32_t before, high;

	if (!has_keys())
		return 0;
	__asm__ volatile(".byte 0x0f, 0x01, 0xee" /* rdpkru */
			 : "=a"(before), "=d"(high)
			 : "c"(0));
	__asm__ volatile(".byte 0x0f, 0x01, 0xef" /* wrpkru */
			 :
			 : "a"(rights), "c"(0), "d"(0)
			 : "memory");
	return before;
}
#else
static uint32_t set_keys(uint32_t rights)
{
	return rights;
}
#endif

void peek_open(struct peek *peek)
{
	peek->keys = set_keys(0);
	peek->memory = sys_open("/proc/self/mem", O_RDONLY | O_CLOEXEC, 0);
	peek->pagemap = sys_open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC, 0);
}

void peek_close(struct peek *peek)
{
	(void)set_keys(peek->keys);
	if (peek->memory >= 0)
		sys_close(peek->memory);
	if (peek->pagemap >= 0)
		sys_close(peek->pagemap);
}

size_t peek_bytes(struct peek *peek, uintptr_t address, void *buffer, size_t bytes)
{
	long got;

	if (peek->memory < 0) {
		memcpy(buffer, (const void *)address, bytes);
		return bytes;
	}
	got = SYS4(SYS_pread64, peek->memory, buffer, bytes, address);
	return got > 0 ? (size_t)got : 0;
}

bool peek_words(struct peek *peek, uintptr_t address, uintptr_t *ret_words, size_t count)
{
	size_t bytes = count * sizeof(*ret_words);

	return peek_bytes(peek, address, ret_words, bytes) == bytes;
}

size_t peek_pages(struct peek *peek, uintptr_t start, size_t most, size_t page_bytes,
		  uint8_t *ret_pages)
{
	uint64_t entries[512];
	long got;

	if (most > sizeof(entries) / sizeof(entries[0]))
		most = sizeof(entries) / sizeof(entries[0]);
	if (peek->pagemap >= 0) {
		got = SYS4(SYS_pread64, peek->pagemap, entries, most * sizeof(entries[0]),
			   start / page_bytes * sizeof(entries[0]));
		if (got < (long)sizeof(entries[0]))
			return 0;
		most = (size_t)got / sizeof(entries[0]);
		for (size_t i = 0; i < most; i++)
			ret_pages[i] = entries[i] & PAGE_PRESENT   ? PEEK_PRESENT
				       : entries[i] & PAGE_SWAPPED ? PEEK_SWAPPED
								   : 0;
		return most;
	}
	/* mincore(2): the lowest bit is set where the page is in memory. */
	if (SYS3(SYS_mincore, start, most * page_bytes, ret_pages) < 0)
		return 0;
	for (size_t i = 0; i < most; i++)
		ret_pages[i] = ret_pages[i] & 1 ? PEEK_PRESENT : 0;
	return most;
}
