/* SPDX-License-Identifier: MIT */
/*
 * std::string as it was before C++11: the object points behind a header with length,
 * capacity and a count of references, and holds the block all the same.
 */
#define _GLIBCXX_USE_CXX11_ABI 0
#include <cstring>
#include <new>
#include <string>

#include "leak_case.h"

static_assert(sizeof(std::string) == sizeof(void *), "one pointer");

alignas(std::string) static unsigned char kept_storage[4][sizeof(std::string)];
static const char *volatile characters;

/* Length, capacity, references; the terminating zero at the end. */
static std::size_t block_bytes(const std::string &string)
{
	return 3 * sizeof(std::size_t) + string.capacity() + 1;
}

static LEAK_SITE std::string *make(void *where, std::size_t length)
{
	std::string *string = new (where) std::string(length, 'x');

	leak_escape(string);
	return string;
}

static LEAK_SITE void build()
{
	for (std::size_t i = 0; i < 3; i++) {
		std::string *string = make(kept_storage[i], 20 + 100 * i);

		leak_expect(LEAK_REACHABLE, 1, block_bytes(*string));
	}
	/* No block: the empty string is one for all. */
	make(kept_storage[3], 0);

	std::string *lost = make(::operator new(sizeof(std::string)), 700);
	leak_expect(LEAK_DEFINITE, 1, sizeof(std::string));
	leak_expect(LEAK_INDIRECT, 1, block_bytes(*lost));

	alignas(std::string) unsigned char here[sizeof(std::string)];
	std::string *gone = make(here, 300);
	characters = gone->data() + 10;
	leak_expect(LEAK_POSSIBLE, 1, block_bytes(*gone));
}

int main()
{
	return leak_case(build);
}
