/* SPDX-License-Identifier: MIT */
/*
 * interpose_cxx.c - C++'s allocation operators.
 *
 * The operators of libstdc++ and libc++ call malloc and free, which come to us again;
 * those of allocators with a C++ face do not. So an operator leaves its opcode as a label
 * for the acquisition that it causes, and records one itself only if none came (or another
 * block came out). A release is recorded first, and free is told not to repeat it.
 * Operators throw through these frames: nothing here needs to be undone then.
 */
#include <errno.h>
#include <stdlib.h>

#include "event.h"
#include "mangled.h"
#include "real.h"
#include "recorder.h"

#define EXPORT __attribute__((visibility("default"), used))

void *new_plain(size_t size) __asm__(MANGLED_NEW);
void *new_array(size_t size) __asm__(MANGLED_NEW_ARRAY);
void *new_nothrow(size_t size, const void *tag) __asm__(MANGLED_NEW_NOTHROW);
void *new_array_nothrow(size_t size, const void *tag) __asm__(MANGLED_NEW_ARRAY_NOTHROW);
void *new_aligned(size_t size, size_t alignment) __asm__(MANGLED_NEW_ALIGNED);
void *new_array_aligned(size_t size, size_t alignment) __asm__(MANGLED_NEW_ARRAY_ALIGNED);
void *new_aligned_nothrow(size_t size, size_t alignment,
			  const void *tag) __asm__(MANGLED_NEW_ALIGNED_NOTHROW);
void *new_array_aligned_nothrow(size_t size, size_t alignment,
				const void *tag) __asm__(MANGLED_NEW_ARRAY_ALIGNED_NOTHROW);
void delete_plain(void *p) __asm__(MANGLED_DELETE);
void delete_array(void *p) __asm__(MANGLED_DELETE_ARRAY);
void delete_sized(void *p, size_t size) __asm__(MANGLED_DELETE_SIZED);
void delete_array_sized(void *p, size_t size) __asm__(MANGLED_DELETE_ARRAY_SIZED);
void delete_nothrow(void *p, const void *tag) __asm__(MANGLED_DELETE_NOTHROW);
void delete_array_nothrow(void *p, const void *tag) __asm__(MANGLED_DELETE_ARRAY_NOTHROW);
void delete_aligned(void *p, size_t alignment) __asm__(MANGLED_DELETE_ALIGNED);
void delete_array_aligned(void *p, size_t alignment) __asm__(MANGLED_DELETE_ARRAY_ALIGNED);
void delete_sized_aligned(void *p, size_t size,
			  size_t alignment) __asm__(MANGLED_DELETE_SIZED_ALIGNED);
void delete_array_sized_aligned(void *p, size_t size, size_t alignment) __asm__(
	MANGLED_DELETE_ARRAY_SIZED_ALIGNED);
void delete_aligned_nothrow(void *p, size_t alignment,
			    const void *tag) __asm__(MANGLED_DELETE_ALIGNED_NOTHROW);
void delete_array_aligned_nothrow(void *p, size_t alignment, const void *tag) __asm__(
	MANGLED_DELETE_ARRAY_ALIGNED_NOTHROW);

/* A program that calls an operator has a library that defines it; where that cannot be
 * found, malloc does what the operator would, but for the exception. */
static void *without_library(size_t size, size_t alignment)
{
	void *p = alignment ? real.aligned_alloc(alignment,
						 (size + alignment - 1) & ~(alignment - 1))
			    : real.malloc(size ? size : 1);

	if (!p)
		abort(); /* what an exception that nobody catches would do */
	return p;
}

/* The array forms call the plain ones, the sized the unsized: the outermost says what it
 * is. */
static void begin_new(uint8_t op, size_t size, const void *frame)
{
	if (recorder_thread.label && recorder_thread.label != RECORDER_LABEL_AGAIN &&
	    recorder_thread.label_size == size)
		return;
	recorder_thread.label_made = 0;
	recorder_thread.label_failed = false;
	recorder_thread.label_size = size;
	recorder_thread.label_frame = frame;
	recorder_thread.label = op;
}

/* After a real operator: records what no acquisition under it has recorded. */
static void *finish_new(uint8_t op, void *p, size_t size, size_t alignment,
			const void *frame)
{
	recorder_thread.label = 0;
	if (p ? recorder_thread.label_made == ~(uintptr_t)p : recorder_thread.label_failed)
		return p;
	if (p)
		event_alloc(op, p, size, alignment, frame);
	else
		event_failed(op, size, ENOMEM, frame);
	return p;
}

#define DEFINE_NEW(name, op, alignment, parameters, arguments)                             \
	EXPORT void *name parameters                                                       \
	{                                                                                  \
		void *p;                                                                   \
                                                                                           \
		if (__builtin_expect(!real_cxx.name, 0))                                   \
			real_resolve_cxx();                                                \
		begin_new(op, size, __builtin_frame_address(0));                           \
		p = real_cxx.name ? real_cxx.name arguments                                \
				  : without_library(size, alignment);                      \
		return finish_new(op, p, size, alignment, __builtin_frame_address(0));     \
	}

DEFINE_NEW(new_plain, MFT_OP_NEW, 0, (size_t size), (size))
DEFINE_NEW(new_array, MFT_OP_NEW_ARRAY, 0, (size_t size), (size))
DEFINE_NEW(new_nothrow, MFT_OP_NEW_NOTHROW, 0, (size_t size, const void *tag), (size, tag))
DEFINE_NEW(new_array_nothrow, MFT_OP_NEW_ARRAY_NOTHROW, 0, (size_t size, const void *tag),
	   (size, tag))
DEFINE_NEW(new_aligned, MFT_OP_NEW_ALIGNED, alignment, (size_t size, size_t alignment),
	   (size, alignment))
DEFINE_NEW(new_array_aligned, MFT_OP_NEW_ARRAY_ALIGNED, alignment,
	   (size_t size, size_t alignment), (size, alignment))
DEFINE_NEW(new_aligned_nothrow, MFT_OP_NEW_ALIGNED_NOTHROW, alignment,
	   (size_t size, size_t alignment, const void *tag), (size, alignment, tag))
DEFINE_NEW(new_array_aligned_nothrow, MFT_OP_NEW_ARRAY_ALIGNED_NOTHROW, alignment,
	   (size_t size, size_t alignment, const void *tag), (size, alignment, tag))

/* Recorded here, before the real operator; the free under it is told to keep quiet. */
static void begin_delete(uint8_t op, void *p)
{
	if (!p || recorder_thread.deleting == p)
		return;
	event_free(op, p);
	recorder_thread.deleting = p;
}

#define DEFINE_DELETE(name, op, parameters, arguments)                                     \
	EXPORT void name parameters                                                        \
	{                                                                                  \
		if (__builtin_expect(!real_cxx.name, 0))                                   \
			real_resolve_cxx();                                                \
		begin_delete(op, p);                                                       \
		if (real_cxx.name)                                                         \
			real_cxx.name arguments;                                           \
		else                                                                       \
			real.free(p);                                                      \
		recorder_thread.deleting = NULL;                                           \
	}

DEFINE_DELETE(delete_plain, MFT_OP_DELETE, (void *p), (p))
DEFINE_DELETE(delete_array, MFT_OP_DELETE_ARRAY, (void *p), (p))
DEFINE_DELETE(delete_sized, MFT_OP_DELETE_SIZED, (void *p, size_t size), (p, size))
DEFINE_DELETE(delete_array_sized, MFT_OP_DELETE_ARRAY_SIZED, (void *p, size_t size),
	      (p, size))
DEFINE_DELETE(delete_nothrow, MFT_OP_DELETE_NOTHROW, (void *p, const void *tag), (p, tag))
DEFINE_DELETE(delete_array_nothrow, MFT_OP_DELETE_ARRAY_NOTHROW, (void *p, const void *tag),
	      (p, tag))
DEFINE_DELETE(delete_aligned, MFT_OP_DELETE_ALIGNED, (void *p, size_t alignment),
	      (p, alignment))
DEFINE_DELETE(delete_array_aligned, MFT_OP_DELETE_ARRAY_ALIGNED,
	      (void *p, size_t alignment), (p, alignment))
DEFINE_DELETE(delete_sized_aligned, MFT_OP_DELETE_SIZED_ALIGNED,
	      (void *p, size_t size, size_t alignment), (p, size, alignment))
DEFINE_DELETE(delete_array_sized_aligned, MFT_OP_DELETE_ARRAY_SIZED_ALIGNED,
	      (void *p, size_t size, size_t alignment), (p, size, alignment))
DEFINE_DELETE(delete_aligned_nothrow, MFT_OP_DELETE_ALIGNED_NOTHROW,
	      (void *p, size_t alignment, const void *tag), (p, alignment, tag))
DEFINE_DELETE(delete_array_aligned_nothrow, MFT_OP_DELETE_ARRAY_ALIGNED_NOTHROW,
	      (void *p, size_t alignment, const void *tag), (p, alignment, tag))
