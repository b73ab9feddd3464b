/* SPDX-License-Identifier: MIT */
/*
 * Objects that count their references and hold each other in a circle: with the counter in
 * the object's own block (make_shared) and in a block beside it, by a chain of three, and
 * the same with a weak link, which leaves nothing behind.
 */
#include <memory>

#include "counting_allocator.h"

struct node {
	std::shared_ptr<node> next;
	std::weak_ptr<node> back;
	char bytes[40];
};

static LEAK_SITE std::shared_ptr<node> together()
{
	return std::allocate_shared<node>(counting_allocator<node>());
}

struct destroy {
	void operator()(node *object) const
	{
		counting_allocator<node> allocator;

		object->~node();
		allocator.deallocate(object, 1);
	}
};

/* Object and counter in two blocks. */
static LEAK_SITE std::shared_ptr<node> apart()
{
	counting_allocator<node> allocator;

	return {new (allocator.allocate(1)) node(), destroy(), allocator};
}

/* Links them to a circle and lets go of it. Returns how much it holds. */
static LEAK_SITE leak_held circle(std::shared_ptr<node> (*make)(), int count)
{
	leak_held_now = {};
	{
		std::shared_ptr<node> first = make(), last = first;

		for (int i = 1; i < count; i++) {
			last->next = make();
			last->next->back = last;
			last = last->next;
		}
		last->next = first;
		first->back = last;
	}
	return leak_held_now;
}

/* All blocks of a circle are lost, and the one of the lowest address leads. */
static LEAK_SITE void expect_circle(leak_held held)
{
	leak_expect(LEAK_DEFINITE, 1, held.lowest_bytes);
	leak_expect(LEAK_INDIRECT, held.blocks - 1, held.bytes - held.lowest_bytes);
}

static LEAK_SITE void circle_of_one()
{
	expect_circle(circle(together, 1));
}

static LEAK_SITE void circle_of_two()
{
	expect_circle(circle(together, 2));
}

static LEAK_SITE void circle_of_three()
{
	expect_circle(circle(together, 3));
}

static LEAK_SITE void circle_apart()
{
	expect_circle(circle(apart, 2));
}

static LEAK_SITE void broken_by_weak()
{
	leak_held_now = {};
	{
		std::shared_ptr<node> first = together();

		first->next = together();
		first->next->back = first;
	}
	leak_expect_held(LEAK_DEFINITE);
}

static LEAK_SITE void build()
{
	circle_of_one();
	circle_of_two();
	circle_of_three();
	circle_apart();
	broken_by_weak();
}

int main()
{
	return leak_case(build);
}
