/* SPDX-License-Identifier: MIT */
/*
 * std::string: short ones hold no block, long ones one; kept, lost, and lost with the
 * object that held them.
 */
#include <new>
#include <string>

#include "leak_case.h"

alignas(std::string) static unsigned char kept_storage[3][sizeof(std::string)];
static const char *volatile characters;

static LEAK_SITE std::string *make(void *where, std::size_t length)
{
	std::string *string = new (where) std::string(length, 'x');

	leak_escape(string);
	return string;
}

static LEAK_SITE void build()
{
	make(kept_storage[0], 10);
	make(kept_storage[1], 1000);
	leak_expect(LEAK_REACHABLE, 1, 1001);

	make(::operator new(sizeof(std::string)), 500);
	leak_expect(LEAK_DEFINITE, 1, sizeof(std::string));
	leak_expect(LEAK_INDIRECT, 1, 501);
	make(::operator new(sizeof(std::string)), 3);
	leak_expect(LEAK_DEFINITE, 1, sizeof(std::string));

	/* Its own object is on the stack and gone; a pointer to a character is left. */
	alignas(std::string) unsigned char here[sizeof(std::string)];
	characters = make(here, 300)->c_str() + 10;
	leak_expect(LEAK_POSSIBLE, 1, 301);
}

int main()
{
	return leak_case(build);
}
