/* SPDX-License-Identifier: MIT */
/*
 * image.h - what a loaded ELF image says of itself: where it lies, and its build-id.
 *
 * Guarantees: reads the program headers that it is given and the notes that they name; no
 * call, no allocation. Threads: any. Memory: none; a build-id points into the image.
 * Not here: which images there are (modules.h), and their tables of frames (cfi_tables.h).
 * Source: ELF gABI, "Program Header" and "Note Section".
 */
#ifndef IMAGE_H
#define IMAGE_H

#include <link.h>
#include <stdbool.h>
#include <stdint.h>

#include "mft_codec.h"

/* From the first to the end of the last of the segments that are loaded; they may lie
 * apart. */
struct image_range {
	uintptr_t start, end;
};

/* bias: run-time address minus address in the file. Returns false where no segment is
 * loaded; *ret_range is UINTPTR_MAX to 0 then. */
bool image_find_range(uintptr_t bias, const ElfW(Phdr) * segments, unsigned count,
		      struct image_range *ret_range);

/* The NT_GNU_BUILD_ID note, or an empty one. */
struct mft_bytes image_build_id(uintptr_t bias, const ElfW(Phdr) * segments,
				unsigned count);

#endif
