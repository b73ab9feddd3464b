// SPDX-License-Identifier: MIT
// What the C++ compiler is given in scripts/bench: parts of the library and templates over
// it; with a smaller AMOUNT, less of both.
#ifndef AMOUNT
#define AMOUNT 2
#endif
#include <utility>
#include <vector>
#if AMOUNT > 0
#include <algorithm>
#include <string>
#endif
#if AMOUNT > 1
#include <functional>
#include <map>
#include <memory>
#include <sstream>
#include <unordered_map>
#endif

#if AMOUNT > 0
using name_type = std::string;
#else
using name_type = std::vector<char>;
#endif

template <int N> struct item {
	name_type name;
	std::vector<int> values;
	int key = N;

	bool operator<(const item &other) const
	{
		return key < other.key;
	}
};

template <int N> int work(int seed)
{
	std::vector<item<N>> items(static_cast<std::size_t>(seed % 100 + N));
	int sum = 0;

	for (auto &it : items) {
		it.name.assign(3, 'a');
		it.values.assign(static_cast<std::size_t>(N), seed);
	}
#if AMOUNT > 0
	std::sort(items.begin(), items.end());
#endif
#if AMOUNT > 1
	std::map<std::string, item<N>> by_name;
	std::unordered_map<int, std::shared_ptr<item<N>>> by_key;
	std::function<void(const item<N> &)> add = [&](const item<N> &it) {
		std::ostringstream out;

		out << it.name << it.key;
		by_name.emplace(out.str(), it);
		by_key[it.key] = std::make_shared<item<N>>(it);
	};

	std::for_each(items.begin(), items.end(), add);
	for (const auto &[name, it] : by_name)
		sum += static_cast<int>(name.size() + by_key.size());
#endif
	for (const auto &it : items)
		sum += static_cast<int>(it.name.size() + it.values.size());
	return sum;
}

template <int... N> int work_all(int seed, std::integer_sequence<int, N...>)
{
	return (work<N>(seed) + ... + 0);
}

int main(int argc, char **)
{
	// With a third one heaptrack's interpreter (1.4.0) takes gigabytes and does not
	// end.
	return work_all(argc, std::make_integer_sequence<int, (AMOUNT > 0 ? 2 : 1)>());
}
