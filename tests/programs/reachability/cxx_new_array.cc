/* SPDX-License-Identifier: MIT */
/*
 * new[] of a class with a destructor keeps the number of elements before the first one, to
 * which the program's pointer points: the block is held by its beginning all the same.
 */
#include <new>

#include "leak_case.h"

struct element {
	~element();
	element *other;
	char bytes[24];
};

element::~element()
{
	leak_escape(this);
}

struct simple {
	char bytes[24];
};

struct alignas(64) aligned {
	~aligned();
	char bytes[64];
};

aligned::~aligned()
{
	leak_escape(this);
}

static void *volatile kept[8];

template <typename T>
static LEAK_SITE T *make(std::size_t count, std::size_t header, enum leak_kind kind)
{
	T *array = new T[count]();

	leak_escape(array);
	leak_expect(kind, 1, count * sizeof(T) + header);
	return array;
}

static LEAK_SITE void build()
{
	const std::size_t cookie = sizeof(std::size_t);

	kept[0] = make<element>(10, cookie, LEAK_REACHABLE);
	kept[1] = make<element>(1, cookie, LEAK_REACHABLE);
	make<element>(7, cookie, LEAK_DEFINITE);
	kept[2] = make<simple>(10, 0, LEAK_REACHABLE);
	kept[3] = make<element>(10, cookie, LEAK_POSSIBLE) + 2;
	/* An array that a reachable array holds, and one that a lost one does. */
	static_cast<element *>(kept[0])[3].other = make<element>(5, cookie, LEAK_REACHABLE);
	make<element>(3, cookie, LEAK_DEFINITE)[1].other =
		make<element>(2, cookie, LEAK_INDIRECT);
	/* The number lies before the first element, far from the beginning. */
	kept[4] = make<aligned>(4, alignof(aligned), LEAK_POSSIBLE);
}

int main()
{
	return leak_case(build);
}
