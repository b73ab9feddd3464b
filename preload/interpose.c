/* SPDX-License-Identifier: MIT */
/*
 * interpose.c - malloc and its family, as the traced program calls them.
 *
 * Rules of this library, for every file in this directory:
 *  - no stdio, no allocation from the program's heap, no lock held over a real call;
 *  - a release is recorded before the real call, an acquisition after it, so that a replay
 *    never sees two live blocks at one address;
 *  - errno is what the real call left; the result is what the real call returned;
 *  - the program is never stopped, blocked or ended, whatever goes wrong with us;
 *  - nothing is exported beyond libmftrace.map.
 * C++'s operators are in interpose_cxx.c, mappings in interpose_map.c, exec and exit in
 * interpose_process.c.
 */
#include <errno.h>
#include <malloc.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "early.h"
#include "event.h"
#include "event_plain.h"
#include "modules.h"
#include "process.h"
#include "real.h"
#include "recorder.h"

/* C23 7.24.3; glibc declares them from 2.41 on. */
void free_sized(void *p, size_t size);
void free_aligned_sized(void *p, size_t alignment, size_t size);

#define EXPORT __attribute__((visibility("default"), used))
#define CALLER __builtin_return_address(0)
#define FRAME __builtin_frame_address(0)

/* No operator has so much of the stack between it and the function that it calls. */
#define LABEL_STACK_MOST 4096u

/* An acquisition under `operator new`: of its kind, and of the size that was asked of it
 * (it rounds up, and makes 0 a 1). A signal handler that comes in between asks for
 * something else, mostly; and an operator that has thrown may have left its label. */
static void use_label(uint8_t *op, size_t *size, size_t alignment, const void *p,
		      const void **frame)
{
	struct recorder_thread *thread = &recorder_thread;

	if (p)
		thread->label_made = ~(uintptr_t)p;
	else
		thread->label_failed = true;
	if (thread->label == RECORDER_LABEL_AGAIN) {
		thread->label = p ? 0 : RECORDER_LABEL_AGAIN;
		return;
	}
	if (*size < thread->label_size || *size - thread->label_size > (alignment | 1) ||
	    (uintptr_t)thread->label_frame - (uintptr_t)*frame > LABEL_STACK_MOST)
		return;
	*op = thread->label;
	*size = thread->label_size;
	*frame = thread->label_frame;
	thread->label = p ? 0 : RECORDER_LABEL_AGAIN;
}

static inline void *acquired(uint8_t op, void *p, size_t size, size_t alignment,
			     const void *frame)
{
	if (__builtin_expect(recorder_thread.label != 0, 0))
		use_label(&op, &size, alignment, p, &frame);
	if (__builtin_expect(p == NULL, 0))
		event_failed(op, size, errno, frame);
	else if (__builtin_expect(!early_owns(p), 1))
		event_alloc(op, p, size, alignment, frame);
	return p;
}

EXPORT void *malloc(size_t size)
{
	void *p;

	modules_touch(CALLER);
	p = real.malloc(size);
	if (__builtin_expect(!p || recorder_thread.label || early_owns(p), 0))
		return acquired(MFT_OP_MALLOC, p, size, 0, FRAME);
	event_record_alloc(MFT_OP_MALLOC, p, size, 0, FRAME);
	return p;
}

EXPORT void *calloc(size_t count, size_t size)
{
	size_t bytes;

	modules_touch(CALLER);
	/* Overflow: the real calloc refuses it; what was asked for has no number. */
	if (__builtin_mul_overflow(count, size, &bytes))
		bytes = SIZE_MAX;
	return acquired(MFT_OP_CALLOC, real.calloc(count, size), bytes, 0, FRAME);
}

/* Both halves of a realloc; the release comes first, and is taken back on failure. */
static inline void *reallocate(uint8_t op, uint8_t release_op, void *p, size_t size,
			       const void *frame)
{
	void *result;

	/* The same as malloc (C11 7.22.3.5), and so recorded: behind a realloc to size 0 it
	 * could be taken for that one's second half. */
	if (!p)
		return acquired(MFT_OP_MALLOC, real.realloc(NULL, size), size, 0, frame);
	if (early_owns(p)) {
		size_t old = early_size(p);

		result = acquired(op, real.malloc(size), size, 0, frame);
		if (result)
			memcpy(result, p, old < size ? old : size);
		return result;
	}
	event_free(release_op, p);
	result = real.realloc(p, size);
	if (result) {
		event_alloc(op, result, size, 0, frame);
	} else if (size != 0) {
		event_reacquire(p);
		event_failed(op, size, errno, frame);
	}
	return result;
}

EXPORT void *realloc(void *p, size_t size)
{
	modules_touch(CALLER);
	return reallocate(MFT_OP_REALLOC, MFT_OP_REALLOC_RELEASE, p, size, FRAME);
}

/* Whether the allocator has a reallocarray of its own, as mimalloc has. That says why it
 * failed even where its realloc does not. */
static bool has_own_reallocarray(void)
{
	uintptr_t end;
	const uint32_t module = modules_recall((uintptr_t)real.realloc, &end);

	return module != MFT_MODULE_NONE && real.reallocarray &&
	       modules_recall((uintptr_t)real.reallocarray, &end) == module;
}

/* The real one would call realloc, that is us, and be counted twice. */
EXPORT void *reallocarray(void *p, size_t count, size_t size)
{
	size_t bytes;
	void *result;

	if (__builtin_mul_overflow(count, size, &bytes)) {
		event_failed(MFT_OP_REALLOCARRAY, SIZE_MAX, ENOMEM, FRAME);
		errno = ENOMEM;
		return NULL;
	}
	result = reallocate(MFT_OP_REALLOCARRAY, MFT_OP_REALLOCARRAY_RELEASE, p, bytes,
			    FRAME);
	if (!result && bytes && has_own_reallocarray())
		errno = ENOMEM;
	return result;
}

/* Whether a release is to be recorded; early blocks are nobody's. */
static inline bool is_recorded(const void *p)
{
	return __builtin_expect(p && !early_owns(p), 1);
}

EXPORT void free(void *p)
{
	modules_touch(CALLER);
	if (!is_recorded(p))
		return;
	if (__builtin_expect(recorder_thread.deleting != p, 1))
		event_record_free(MFT_OP_FREE, p);
	else
		recorder_thread.deleting = NULL;
	real.free(p);
}

EXPORT void free_sized(void *p, size_t size)
{
	if (!is_recorded(p))
		return;
	event_free(MFT_OP_FREE_SIZED, p);
	if (real.free_sized) {
		recorder_thread.deleting = p;
		real.free_sized(p, size);
		recorder_thread.deleting = NULL;
	} else {
		real.free(p);
	}
}

EXPORT void free_aligned_sized(void *p, size_t alignment, size_t size)
{
	if (!is_recorded(p))
		return;
	event_free(MFT_OP_FREE_ALIGNED_SIZED, p);
	if (real.free_aligned_sized) {
		recorder_thread.deleting = p;
		real.free_aligned_sized(p, alignment, size);
		recorder_thread.deleting = NULL;
	} else {
		real.free(p);
	}
}

/* C11 7.22.3: reports failure by its result; errno stays as it was. */
EXPORT int posix_memalign(void **ret_p, size_t alignment, size_t size)
{
	int error = real.posix_memalign(ret_p, alignment, size);

	if (error == 0)
		(void)acquired(MFT_OP_POSIX_MEMALIGN, *ret_p, size, alignment, FRAME);
	else
		event_failed(MFT_OP_POSIX_MEMALIGN, size, error, FRAME);
	return error;
}

EXPORT void *aligned_alloc(size_t alignment, size_t size)
{
	return acquired(MFT_OP_ALIGNED_ALLOC, real.aligned_alloc(alignment, size), size,
			alignment, FRAME);
}

EXPORT void *memalign(size_t alignment, size_t size)
{
	return acquired(MFT_OP_MEMALIGN, real.memalign(alignment, size), size, alignment,
			FRAME);
}

EXPORT void *valloc(size_t size)
{
	return acquired(MFT_OP_VALLOC, real.valloc(size), size,
			process.dump.header ? process.dump.header->page_bytes : 4096,
			FRAME);
}

EXPORT void *pvalloc(size_t size)
{
	return acquired(MFT_OP_PVALLOC, real.pvalloc(size), size,
			process.dump.header ? process.dump.header->page_bytes : 4096,
			FRAME);
}

EXPORT size_t malloc_usable_size(void *p)
{
	if (__builtin_expect(early_owns(p), 0))
		return early_size(p);
	return real.malloc_usable_size(p);
}
