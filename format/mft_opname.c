/* SPDX-License-Identifier: MIT */
/*
 * mft_opname.c - opcodes as programmers know them; declared in mft_codec.h.
 */
#include "mft_codec.h"

const char *mft_op_name(unsigned op)
{
	switch (op & ~(mft_op_is_alloc(op) && op < MFT_OP_LONG ? MFT_OP_USABLE : 0u)) {
	case MFT_OP_MALLOC:
		return "malloc";
	case MFT_OP_CALLOC:
		return "calloc";
	case MFT_OP_REALLOC:
	case MFT_OP_REALLOC_RELEASE:
		return "realloc";
	case MFT_OP_REALLOCARRAY:
	case MFT_OP_REALLOCARRAY_RELEASE:
		return "reallocarray";
	case MFT_OP_POSIX_MEMALIGN:
		return "posix_memalign";
	case MFT_OP_ALIGNED_ALLOC:
		return "aligned_alloc";
	case MFT_OP_MEMALIGN:
		return "memalign";
	case MFT_OP_VALLOC:
		return "valloc";
	case MFT_OP_PVALLOC:
		return "pvalloc";
	case MFT_OP_NEW_ALIGNED:
	case MFT_OP_NEW_ALIGNED_NOTHROW:
	case MFT_OP_NEW:
	case MFT_OP_NEW_NOTHROW:
		return "operator new";
	case MFT_OP_NEW_ARRAY_ALIGNED:
	case MFT_OP_NEW_ARRAY_ALIGNED_NOTHROW:
	case MFT_OP_NEW_ARRAY:
	case MFT_OP_NEW_ARRAY_NOTHROW:
		return "operator new[]";
	case MFT_OP_FREE:
		return "free";
	case MFT_OP_FREE_SIZED:
		return "free_sized";
	case MFT_OP_FREE_ALIGNED_SIZED:
		return "free_aligned_sized";
	case MFT_OP_DELETE:
	case MFT_OP_DELETE_SIZED:
	case MFT_OP_DELETE_ALIGNED:
	case MFT_OP_DELETE_SIZED_ALIGNED:
	case MFT_OP_DELETE_NOTHROW:
	case MFT_OP_DELETE_ALIGNED_NOTHROW:
		return "operator delete";
	case MFT_OP_DELETE_ARRAY:
	case MFT_OP_DELETE_ARRAY_SIZED:
	case MFT_OP_DELETE_ARRAY_ALIGNED:
	case MFT_OP_DELETE_ARRAY_SIZED_ALIGNED:
	case MFT_OP_DELETE_ARRAY_NOTHROW:
	case MFT_OP_DELETE_ARRAY_ALIGNED_NOTHROW:
		return "operator delete[]";
	case MFT_OP_MMAP:
		return "mmap";
	case MFT_OP_MUNMAP:
		return "munmap";
	case MFT_OP_MREMAP:
		return "mremap";
	case MFT_OP_BRK:
		return "brk";
	case MFT_OP_MADVISE:
		return "madvise";
	default:
		return "unknown";
	}
}
