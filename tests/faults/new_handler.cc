/* SPDX-License-Identifier: MIT */
/*
 * operator new that fails, and then does not: a handler lifts the limit that it ran into,
 * or gives up, and the exception is caught.
 */
#include <cstdlib>
#include <new>
#include <sys/resource.h>

#include "truth.h"

namespace
{

constexpr size_t large_bytes = size_t(900) << 20;
constexpr int rounds = 20;

truth_count found, after;
long long handled, caught, null;
rlim_t soft_limit;

void set_limit(rlim_t bytes)
{
	rlimit limit;

	getrlimit(RLIMIT_AS, &limit);
	limit.rlim_cur = bytes;
	setrlimit(RLIMIT_AS, &limit);
}

void lift_limit()
{
	handled++;
	set_limit(RLIM_INFINITY);
}

void give_up()
{
	handled++;
	throw std::bad_alloc();
}

TRUTH_SITE void *large()
{
	return ::operator new(large_bytes);
}

TRUTH_SITE void *large_array()
{
	return ::operator new[](large_bytes);
}

TRUTH_SITE void *large_aligned()
{
	return ::operator new(large_bytes, std::align_val_t(256));
}

/* Of the size that the failed one had: it must not be taken for it. */
TRUTH_SITE void *same_size()
{
	return std::malloc(large_bytes);
}

TRUTH_SITE void *small()
{
	return std::malloc(25);
}

void release(void *block)
{
	::operator delete(block);
	truth_freed(&found, large_bytes);
}

void retry(void *(*allocate)())
{
	std::set_new_handler(lift_limit);
	set_limit(soft_limit);
	void *block = allocate();

	truth_allocated(&found, large_bytes);
	if (allocate == large_aligned) {
		::operator delete(block, std::align_val_t(256));
		truth_freed(&found, large_bytes);
	} else {
		release(block);
	}
}

void fail(void *(*allocate)())
{
	std::set_new_handler(give_up);
	set_limit(soft_limit);
	try {
		release(allocate());
	} catch (const std::bad_alloc &) {
		caught++;
	}
	std::free(small());
	truth_allocated(&after, 25);
	truth_freed(&after, 25);
	set_limit(RLIM_INFINITY);
}

} // namespace

int main()
{
	truth_count same = {};

	/* Enough for all but the large ones. */
	soft_limit = rlim_t(800) << 20;
	for (int i = 0; i < rounds; i++) {
		retry(large);
		retry(large_array);
		retry(large_aligned);
		fail(large);
		fail(large_array);
		fail(large_aligned);
		std::set_new_handler(nullptr);
		set_limit(soft_limit);
		null += !::operator new(large_bytes, std::nothrow);
		null += !::operator new[](large_bytes, std::nothrow);
		set_limit(RLIM_INFINITY);
		std::free(same_size());
		truth_allocated(&same, large_bytes);
		truth_freed(&same, large_bytes);
	}
	truth_number("handled", handled);
	truth_number("caught", caught);
	truth_number("null", null);
	truth_number("failures", handled + null);
	truth_site("retry", &found, nullptr);
	truth_site("small", &after, nullptr);
	truth_site("same_size", &same, nullptr);
	truth_print();
	return 0;
}
