/* SPDX-License-Identifier: MIT */
#include "interior.h"

#include "pointers.h"

#define WORD 8u
#define FIRST_PAGE 4096u

/* The system maps nothing below the first page, and vtables are aligned. Numbers that
 * satisfy this too are not found at both places. */
static bool is_vtable(uint64_t value)
{
	return value >= FIRST_PAGE && value % WORD == 0;
}

static bool is_array_or_sized(const struct pointers *pointers,
			      const struct pointers_block *block)
{
	uint64_t number = pointers_content(pointers, block->address);

	/* A block whose rest is as long as the number says is one of `number` parts of one
	 * byte, too. An array of n elements of no bytes does not exist. */
	return number > 0 && block->size >= WORD && (block->size - WORD) % number == 0;
}

static bool is_old_string(const struct pointers *pointers,
			  const struct pointers_block *block)
{
	uint64_t length = pointers_content(pointers, block->address);
	uint64_t capacity = pointers_content(pointers, block->address + WORD);

	/* The characters end with a zero byte. */
	return length <= capacity && capacity < block->size &&
	       3 * WORD + capacity + 1 == block->size;
}

bool interior_is_start(const struct pointers *pointers, const struct pointers_block *block,
		       uint64_t value)
{
	uint64_t offset = value - block->address;

	if (pointers->contents_count == 0 || value % WORD)
		return false;
	if (offset == 3 * WORD && is_old_string(pointers, block))
		return true;
	if (offset == WORD && is_array_or_sized(pointers, block))
		return true;
	return is_vtable(pointers_content(pointers, value)) &&
	       is_vtable(pointers_content(pointers, block->address));
}
