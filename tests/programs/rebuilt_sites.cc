/* SPDX-License-Identifier: MIT */
/*
 * Call sites of many shapes, to be found again in another build of the same source: what
 * optimisation inlines, clones, folds and turns into jumps, and lines that have moved.
 *
 *     rebuilt_sites STRIDE     shape S at N allocates (S * SITES + N + 1) * STRIDE times
 *
 * So each site says by its number of allocations which one it is, in every build.
 */
#include <algorithm>
#include <cstdlib>
#include <functional>
#include <memory>
#include <utility>

#ifdef LINES_INSERTED
#line 1200 "somewhere/else/entirely.cc"
/* A lambda in front of the others takes their numbers. */
static auto inserted = [](int n) { return n + 1; };
static int insert_more(int n)
{
	return inserted(n);
}
#else
static int insert_more(int n)
{
	return n + 1;
}
#endif

namespace
{
constexpr int SITES = 60;
/* Of its own for each site: the linker or the compiler could make one of equal functions.
 */
template <int S, int N> constexpr int size = S *SITES + N + 8;
long stride;
void *volatile kept;

inline void take_and_free(int bytes)
{
	kept = malloc(bytes);
	free(kept);
}

template <int S, int N, typename Taker> void repeat(Taker take)
{
	for (long i = 0; i < (S * SITES + N + 1) * stride; i++)
		take();
}

/* 0: straight, and small enough to be inlined away */
template <int N> static void *plain_leaf()
{
	return malloc(size<0, N>);
}

template <int N> void plain()
{
	repeat<0, N>([] { free(kept = plain_leaf<N>()); });
}

/* 1: several callers deep */
template <int N> void *chain_inner()
{
	return malloc(size<1, N>);
}
template <int N> void *chain_middle()
{
	void *block = chain_inner<N>();

	kept = block;
	return block;
}
template <int N> void chain()
{
	repeat<1, N>([] { free(chain_middle<N>()); });
}

/* 2: through a virtual function */
struct Base {
	virtual void *make() = 0;
	virtual ~Base() = default;
};
template <int N> struct Derived final : Base {
	void *make() override
	{
		return malloc(size<2, N>);
	}
};
template <int N> void dispatch()
{
	static Derived<N> object;
	Base *volatile base = &object;

	repeat<2, N>([=] { free(kept = base->make()); });
}

/* 3: operator new, behind the library's make_unique */
template <int N> struct Part {
	char bytes[size<3, N>];
};
template <int N> void owned()
{
	repeat<3, N>([] { kept = std::make_unique<Part<N>>().get(); });
}

/* 4: a lambda in a std::function */
template <int N> void held()
{
	std::function<void *()> make = [] { return malloc(size<4, N>); };

	repeat<4, N>([&] { free(kept = make()); });
}

/* 5: recursion, which may become a loop */
template <int N> void *down(int depth)
{
	if (depth == 0)
		return malloc(size<5, N>);
	return down<N>(depth - 1);
}
template <int N> void recursion()
{
	repeat<5, N>([] { free(kept = down<N>(3)); });
}

/* 6: the same function from two places, of which one passes a constant */
template <int N> __attribute__((noinline)) void *shared_leaf(int bytes)
{
	return malloc(bytes + N);
}
template <int N> void shared()
{
	repeat<6, N>([] { free(kept = shared_leaf<N>(size<6, 0>)); });
}

/* 7: a library algorithm that calls back */
template <int N> void algorithm()
{
	int once[1] = {N};

	repeat<7, N>([&] {
		std::for_each(once, once + 1,
			      [](int n) { take_and_free(insert_more(n) + size<7, 0>); });
	});
}

template <int N> void all_of()
{
	plain<N>();
	chain<N>();
	dispatch<N>();
	owned<N>();
	held<N>();
	recursion<N>();
	shared<N>();
	algorithm<N>();
}

template <int... N> void run(std::integer_sequence<int, N...>)
{
	(all_of<N>(), ...);
}
} // namespace

int main(int argc, char **argv)
{
	stride = argc > 1 ? atol(argv[1]) : 1;
	run(std::make_integer_sequence<int, SITES>());
	return 0;
}
