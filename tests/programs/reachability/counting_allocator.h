/* SPDX-License-Identifier: MIT */
/*
 * counting_allocator.h - an allocator that tells how much the container that has it holds.
 *
 * Guarantees: every block comes from operator new, as with std::allocator.
 * Threads: one. Memory: the containers'. Not here: what kind of leak it becomes.
 */
#ifndef COUNTING_ALLOCATOR_H
#define COUNTING_ALLOCATOR_H

#include <cstddef>
#include <cstdint>
#include <new>

#include "leak_case.h"

struct leak_held {
	uint64_t blocks, bytes;
	/* The complement of the lowest address of a block, which points to nothing, and
	 * how large that block is. */
	uintptr_t lowest;
	uint64_t lowest_bytes;
};
inline leak_held leak_held_now;

/* States what all containers together have come to hold since, and forgets it. */
inline void leak_expect_held(enum leak_kind kind)
{
	leak_expect(kind, leak_held_now.blocks, leak_held_now.bytes);
	leak_held_now = {};
}

template <typename T> struct counting_allocator {
	using value_type = T;

	counting_allocator() = default;
	template <typename U> counting_allocator(const counting_allocator<U> &)
	{
	}

	T *allocate(std::size_t count)
	{
		leak_held_now.blocks++;
		leak_held_now.bytes += count * sizeof(T);
		T *block = static_cast<T *>(::operator new(count * sizeof(T)));
		if (~reinterpret_cast<uintptr_t>(block) > leak_held_now.lowest) {
			leak_held_now.lowest = ~reinterpret_cast<uintptr_t>(block);
			leak_held_now.lowest_bytes = count * sizeof(T);
		}
		return block;
	}

	void deallocate(T *block, std::size_t count)
	{
		leak_held_now.blocks--;
		leak_held_now.bytes -= count * sizeof(T);
		::operator delete(block);
	}

	template <typename U> bool operator==(const counting_allocator<U> &) const
	{
		return true;
	}
	template <typename U> bool operator!=(const counting_allocator<U> &) const
	{
		return false;
	}
};

#endif
