/* SPDX-License-Identifier: MIT */
/*
 * Objects of every form of operator new, in unique_ptr, in statics of functions, in statics
 * whose constructor leaks and whose destructor does.
 */
#include <memory>
#include <new>

#include "leak_case.h"

struct alignas(128) wide {
	void *link;
	char bytes[120];
};

struct node {
	std::unique_ptr<node> next;
	char bytes[32];
};

static void *volatile kept[8];

/* Has a destructor that frees what the constructor made, but not all of it. */
struct careless {
	void *first, *second;

	careless()
	{
		first = ::operator new(230);
		second = ::operator new(231);
		leak_escape(first);
		leak_escape(second);
		leak_expect(LEAK_DEFINITE, 1, 231);
	}
	~careless()
	{
		::operator delete(first);
		first = second = nullptr;
		leak_escape(this);
		leak_scrub();
	}
};
static careless before_main;

static LEAK_SITE void *local_static()
{
	static void *const block = ::operator new(232);

	return block;
}

static LEAK_SITE void forms()
{
	kept[0] = new wide();
	leak_expect(LEAK_REACHABLE, 1, sizeof(wide));
	wide *lost = new (std::nothrow) wide();
	leak_expect(LEAK_DEFINITE, 1, sizeof(wide));
	lost->link = new char[77]();
	leak_escape(lost);
	leak_expect(LEAK_INDIRECT, 1, 77);
	kept[1] = new (std::nothrow) char[78]();
	leak_expect(LEAK_REACHABLE, 1, 78);
	kept[2] = reinterpret_cast<char *>(new wide[2]()) + 130;
	leak_expect(LEAK_POSSIBLE, 1, 2 * sizeof(wide));
}

static LEAK_SITE void chain()
{
	std::unique_ptr<node> head;

	for (int i = 0; i < 50; i++) {
		auto next = std::make_unique<node>();

		next->next = std::move(head);
		head = std::move(next);
		leak_expect(LEAK_INDIRECT, 1, sizeof(node));
	}
	leak_escape(head.release());
	leak_expect(LEAK_INDIRECT, -1, -sizeof(node));
	leak_expect(LEAK_DEFINITE, 1, sizeof(node));
}

static LEAK_SITE void build()
{
	leak_escape(local_static());
	leak_expect(LEAK_REACHABLE, 1, 232);
	forms();
	chain();
}

int main()
{
	return leak_case(build);
}
