/* SPDX-License-Identifier: MIT */
/*
 * Containers of the standard library, kept in variables that no destructor clears, and the
 * same ones lost: the object is, and all that it holds goes with it.
 */
#include <deque>
#include <forward_list>
#include <list>
#include <map>
#include <unordered_map>
#include <vector>

#include "counting_allocator.h"

template <typename T> using A = counting_allocator<T>;
using pair = std::pair<const int, int>;
using inner = std::vector<int, A<int>>;

struct containers {
	std::vector<int, A<int>> vector;
	std::vector<inner, A<inner>> vectors;
	std::list<int, A<int>> list;
	std::forward_list<int, A<int>> forward_list;
	std::map<int, int, std::less<int>, A<pair>> map;
	std::unordered_map<int, int, std::hash<int>, std::equal_to<int>, A<pair>> hash;
	std::deque<int, A<int>> deque;
};

alignas(containers) static unsigned char kept[sizeof(containers)];

static LEAK_SITE void fill(void *where, int count)
{
	containers *all = new (where) containers;

	for (int i = 0; i < count; i++) {
		all->vector.push_back(i);
		all->vectors.emplace_back(i % 7 + 1, i);
		all->list.push_back(i);
		all->forward_list.push_front(i);
		all->map[i * 7919 % 1000] = i;
		all->hash[i * 7919] = i;
		all->deque.push_back(i);
	}
	leak_escape(all);
}

static LEAK_SITE void build()
{
	fill(kept, 300);
	leak_expect_held(LEAK_REACHABLE);
	fill(::operator new(sizeof(containers)), 200);
	leak_expect_held(LEAK_INDIRECT);
	leak_expect(LEAK_DEFINITE, 1, sizeof(containers));
}

int main()
{
	return leak_case(build);
}
