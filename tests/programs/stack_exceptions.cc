/* SPDX-License-Identifier: MIT */
/*
 * Allocates while C++ exceptions are thrown, pass frames of several kinds, and are caught:
 * in the frames that throw, in destructors that run on the way, in handlers and after them.
 *
 * The number of rounds is the only argument.
 */
#include <alloca.h>
#include <cstdint>
#include <cstdlib>
#include <stdexcept>
#include <string>

#include "truth.h"

static truth_count count;
static uint32_t random_state = 7;

static uint32_t draw(uint32_t below)
{
	random_state = random_state * 1664525u + 1013904223u;
	return (random_state >> 16) % below;
}

static TRUTH_SITE void at_the_end(size_t size)
{
	char *block = new char[size];

	__asm__ volatile("" : : "r"(block) : "memory");
	truth_allocated(&count, size);
	delete[] block;
	truth_freed(&count, size);
}

/* Its destructor allocates, and may throw and catch of its own. */
class guard
{
      public:
	explicit guard(unsigned at) : depth(at)
	{
	}
	guard(const guard &) = delete;
	guard &operator=(const guard &) = delete;
	~guard();

      private:
	unsigned depth;
};

static void descend(unsigned depth);

static TRUTH_SITE void alloca_frame(unsigned depth)
{
	guard here(depth);
	void *room = alloca(draw(500) + 1);

	__asm__ volatile("" : : "r"(room) : "memory");
	descend(depth - 1);
	at_the_end(depth);
}

static TRUTH_SITE void aligned_frame(unsigned depth)
{
	alignas(64) char room[200];
	guard here(depth);

	__asm__ volatile("" : : "r"(room) : "memory");
	descend(depth - 1);
	at_the_end(depth);
}

static TRUTH_SITE void catching_frame(unsigned depth)
{
	try {
		descend(depth - 1);
	} catch (const std::runtime_error &error) {
		at_the_end(std::string(error.what()).size());
		if (depth % 2)
			throw;
	}
	at_the_end(depth);
}

static void descend(unsigned depth)
{
	if (depth == 0) {
		at_the_end(1);
		if (draw(2))
			throw std::runtime_error("a message that is too long to be kept in "
						 "the string itself");
		return;
	}
	switch (draw(3)) {
	case 0:
		alloca_frame(depth);
		break;
	case 1:
		aligned_frame(depth);
		break;
	default:
		catching_frame(depth);
	}
}

guard::~guard()
{
	at_the_end(depth + 100);
	if (depth % 5 != 4)
		return;
	try {
		throw depth;
	} catch (unsigned thrown) {
		at_the_end(thrown);
	}
}

int main(int argc, char **argv)
{
	unsigned rounds = argc == 2 ? static_cast<unsigned>(std::atoi(argv[1])) : 1000;

	for (unsigned i = 0; i < rounds; i++) {
		try {
			descend(draw(14));
		} catch (const std::exception &) {
			at_the_end(3);
		}
		at_the_end(2);
	}
	truth_site("at_the_end", &count, nullptr);
	truth_print();
	return 0;
}
