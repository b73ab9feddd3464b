/* SPDX-License-Identifier: MIT */
/*
 * Leaks at call sites that suppressions of every form can name: C functions, one of them
 * called on two ways, and C++ ones, whose linker's names differ from what is read.
 */
#include <cstdlib>
#include <new>

#include "truth.h"

namespace shop
{
struct Widget {
	TRUTH_SITE explicit Widget(int bytes);
	void *volatile part;
};

TRUTH_SITE Widget::Widget(int bytes) : part(::operator new(bytes))
{
}

template <typename T> TRUTH_SITE void *make_many(int count)
{
	return ::operator new[](count * sizeof(T));
}
} // namespace shop

extern "C" {
static TRUTH_SITE void *lose_shared(size_t bytes)
{
	return malloc(bytes);
}

static TRUTH_SITE void *on_the_left(size_t bytes)
{
	return lose_shared(bytes);
}

static TRUTH_SITE void *on_the_right(size_t bytes)
{
	return lose_shared(bytes);
}

static TRUTH_SITE void *lose_zeroed(size_t bytes)
{
	return calloc(1, bytes);
}
}

int main()
{
	void *volatile last;

	last = on_the_left(1000);
	last = on_the_left(1000);
	last = on_the_right(2000);
	last = lose_zeroed(4000);
	last = shop::make_many<short>(8000);
	shop::Widget widget(32000);
	widget.part = last = nullptr;
	return last != nullptr;
}
