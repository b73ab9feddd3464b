/* SPDX-License-Identifier: MIT */
/*
 * A pointer to an object's second base points into its middle. Where that base has virtual
 * functions the object counts as held by its beginning, where it has none it does not.
 */
#include "leak_case.h"

struct first {
	virtual ~first();
	virtual int one();
	long in_first[2];
};

struct second {
	virtual ~second();
	virtual int two();
	long in_second[3];
};

struct plain {
	long in_plain[4];
};

struct both : first, second {
	long in_both[5];
};

struct with_plain : first, plain {
	long in_with_plain[6];
};

struct third : both {
	second *other;
};

first::~first()
{
}
second::~second()
{
}
int first::one()
{
	return 1;
}
int second::two()
{
	return 2;
}

static second *volatile seconds[4];
static plain *volatile plains[2];
static first *volatile firsts[2];

template <typename T> static LEAK_SITE T *make(enum leak_kind kind)
{
	T *object = new T();

	leak_escape(object);
	leak_expect(kind, 1, sizeof(T));
	return object;
}

static LEAK_SITE void build()
{
	seconds[0] = make<both>(LEAK_REACHABLE);
	firsts[0] = make<both>(LEAK_REACHABLE);
	plains[0] = make<with_plain>(LEAK_POSSIBLE);
	make<both>(LEAK_DEFINITE);

	third *holder = make<third>(LEAK_REACHABLE);
	seconds[1] = holder;
	holder->other = make<both>(LEAK_REACHABLE);
	make<third>(LEAK_DEFINITE)->other = make<both>(LEAK_INDIRECT);
}

int main()
{
	return leak_case(build);
}
