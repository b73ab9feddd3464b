// SPDX-License-Identifier: MIT
/*
 * Calls every form of operator new and operator delete a known number of times, each new
 * from a function of its own, and releases all but the last block of each.
 */
#include <cstdint>
#include <cstring>
#include <new>

#include "truth.h"

namespace
{

constexpr int repeat = 9;
constexpr std::align_val_t alignment{128};
unsigned long long wrong;

#define NEW(name, call)                                                                    \
	TRUTH_SITE void *new_##name(std::size_t size)                                      \
	{                                                                                  \
		void *block = call;                                                        \
                                                                                           \
		wrong += !block;                                                           \
		return block;                                                              \
	}

NEW(plain, ::operator new(size))
NEW(array, ::operator new[](size))
NEW(nothrow, ::operator new(size, std::nothrow))
NEW(array_nothrow, ::operator new[](size, std::nothrow))
NEW(aligned, ::operator new(size, alignment))
NEW(array_aligned, ::operator new[](size, alignment))
NEW(aligned_nothrow, ::operator new(size, alignment, std::nothrow))
NEW(array_aligned_nothrow, ::operator new[](size, alignment, std::nothrow))

#define DELETE(name, call)                                                                 \
	void delete_##name(void *block, [[maybe_unused]] std::size_t size)                 \
	{                                                                                  \
		call;                                                                      \
	}

DELETE(plain, ::operator delete(block))
DELETE(array, ::operator delete[](block))
DELETE(nothrow, ::operator delete(block, std::nothrow))
DELETE(array_nothrow, ::operator delete[](block, std::nothrow))
DELETE(sized, ::operator delete(block, size))
DELETE(array_sized, ::operator delete[](block, size))
DELETE(aligned, ::operator delete(block, alignment))
DELETE(array_aligned, ::operator delete[](block, alignment))
DELETE(aligned_nothrow, ::operator delete(block, alignment, std::nothrow))
DELETE(array_aligned_nothrow, ::operator delete[](block, alignment, std::nothrow))
DELETE(sized_aligned, ::operator delete(block, size, alignment))
DELETE(array_sized_aligned, ::operator delete[](block, size, alignment))

using allocate_function = void *(*)(std::size_t);
using release_function = void (*)(void *, std::size_t);

/* Every new with every delete that may release it; the function's name is counted once for
 * each row it appears in. */
struct pair {
	const char *function;
	allocate_function allocate;
	release_function release;
	bool aligned;
};

const pair pairs[] = {
	{"new_plain", new_plain, delete_plain, false},
	{"new_plain", new_plain, delete_sized, false},
	{"new_array", new_array, delete_array, false},
	{"new_array", new_array, delete_array_sized, false},
	{"new_nothrow", new_nothrow, delete_nothrow, false},
	{"new_array_nothrow", new_array_nothrow, delete_array_nothrow, false},
	{"new_aligned", new_aligned, delete_aligned, true},
	{"new_aligned", new_aligned, delete_sized_aligned, true},
	{"new_array_aligned", new_array_aligned, delete_array_aligned, true},
	{"new_array_aligned", new_array_aligned, delete_array_sized_aligned, true},
	{"new_aligned_nothrow", new_aligned_nothrow, delete_aligned_nothrow, true},
	{"new_array_aligned_nothrow", new_array_aligned_nothrow,
	 delete_array_aligned_nothrow, true},
};

void *volatile kept[sizeof(pairs) / sizeof(pairs[0])];

void run_pair(std::size_t index, truth_count *count)
{
	const pair &p = pairs[index];

	for (int i = 0; i < repeat; i++) {
		std::size_t size = 40 + 64 * static_cast<std::size_t>(i);
		void *block = p.allocate(size);

		std::memset(block, 'x', size);
		wrong += p.aligned && reinterpret_cast<std::uintptr_t>(block) % 128 != 0;
		truth_allocated(count, size);
		kept[index] = block;
		if (i == repeat - 1)
			break;
		p.release(block, size);
		truth_freed(count, size);
	}
}

/* A request that cannot be met: one form throws, the other returns a null pointer. */
TRUTH_SITE int fail_operators()
{
	volatile std::size_t huge = PTRDIFF_MAX;
	int failures = 0;

	failures += ::operator new(huge, std::nothrow) == nullptr;
	try {
		kept[0] = ::operator new(huge);
	} catch (const std::bad_alloc &) {
		failures++;
	}
	return failures;
}

} // namespace

int main()
{
	std::size_t rows = sizeof(pairs) / sizeof(pairs[0]);

	for (std::size_t i = 0; i < rows;) {
		const char *function = pairs[i].function;
		truth_count count = {};

		for (; i < rows && !std::strcmp(pairs[i].function, function); i++)
			run_pair(i, &count);
		truth_site(function, &count, nullptr);
	}
	truth_number("repeat", repeat);
	truth_number("failed", fail_operators());
	truth_number("wrong", static_cast<long long>(wrong));
	truth_print();
	return wrong != 0;
}
