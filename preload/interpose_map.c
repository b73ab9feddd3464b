/* SPDX-License-Identifier: MIT */
/*
 * interpose_map.c - mmap, munmap, mremap, brk, sbrk and madvise, where libc is asked.
 *
 * What the real allocator maps inside libc does not come through here. Only calls that
 * succeeded are recorded, after they did.
 */
#undef _FILE_OFFSET_BITS /* mmap and mmap64 are two functions here */
#include <errno.h>
#include <stdarg.h>
#include <sys/mman.h>
#include <unistd.h>

#include "event.h"
#include "mft_codec.h"
#include "real.h"

#define EXPORT __attribute__((visibility("default"), used))
#define FRAME __builtin_frame_address(0)

static void *mapped(void *p, size_t length, int prot, int flags, const void *frame)
{
	struct mft_mapping mapping = {.address = (uintptr_t)p,
				      .length = length,
				      .prot = (uint32_t)prot,
				      .flags = (uint32_t)flags};

	if (p != MAP_FAILED)
		event_mapping(MFT_OP_MMAP, &mapping, frame);
	return p;
}

EXPORT void *mmap(void *hint, size_t length, int prot, int flags, int fd, off_t offset)
{
	if (__builtin_expect(!real.mmap, 0))
		real_resolve();
	return mapped(real.mmap(hint, length, prot, flags, fd, offset), length, prot, flags,
		      FRAME);
}

EXPORT void *mmap64(void *hint, size_t length, int prot, int flags, int fd, off64_t offset)
{
	if (__builtin_expect(!real.mmap64, 0))
		real_resolve();
	return mapped(real.mmap64(hint, length, prot, flags, fd, offset), length, prot,
		      flags, FRAME);
}

EXPORT int munmap(void *p, size_t length)
{
	struct mft_mapping mapping = {.address = (uintptr_t)p, .length = length};
	int r;

	if (__builtin_expect(!real.munmap, 0))
		real_resolve();
	r = real.munmap(p, length);
	if (r == 0)
		event_mapping(MFT_OP_MUNMAP, &mapping, FRAME);
	return r;
}

EXPORT void *mremap(void *old, size_t old_length, size_t length, int flags, ...)
{
	struct mft_mapping mapping = {.length = length,
				      .flags = (uint32_t)flags,
				      .old_address = (uintptr_t)old,
				      .old_length = old_length};
	void *wanted = NULL, *p;
	va_list arguments;

	/* mremap(2): the fifth argument is there with MREMAP_FIXED, and may be with
	 * MREMAP_DONTUNMAP. */
	if (flags & ~MREMAP_MAYMOVE) {
		va_start(arguments, flags);
		wanted = va_arg(arguments, void *);
		va_end(arguments);
	}
	if (__builtin_expect(!real.mremap, 0))
		real_resolve();
	p = real.mremap(old, old_length, length, flags, wanted);
	if (p != MAP_FAILED) {
		mapping.address = (uintptr_t)p;
		event_mapping(MFT_OP_MREMAP, &mapping, FRAME);
	}
	return p;
}

static void moved_break(uintptr_t before, uintptr_t after, const void *frame)
{
	struct mft_mapping mapping = {.address = after, .old_address = before};

	if (before != after)
		event_mapping(MFT_OP_BRK, &mapping, frame);
}

EXPORT int brk(void *address)
{
	uintptr_t before;
	int r;

	if (__builtin_expect(!real.brk || !real.sbrk, 0))
		real_resolve();
	before = (uintptr_t)real.sbrk(0);
	r = real.brk(address);
	if (r == 0)
		moved_break(before, (uintptr_t)address, FRAME);
	return r;
}

EXPORT void *sbrk(intptr_t increment)
{
	void *before;

	if (__builtin_expect(!real.sbrk, 0))
		real_resolve();
	before = real.sbrk(increment);
	if (before != (void *)-1 && increment)
		moved_break((uintptr_t)before, (uintptr_t)before + (uintptr_t)increment,
			    FRAME);
	return before;
}

EXPORT int madvise(void *p, size_t length, int advice)
{
	struct mft_mapping mapping = {
		.address = (uintptr_t)p, .length = length, .flags = (uint32_t)advice};
	int r;

	if (__builtin_expect(!real.madvise, 0))
		real_resolve();
	r = real.madvise(p, length, advice);
	if (r == 0)
		event_mapping(MFT_OP_MADVISE, &mapping, FRAME);
	return r;
}
