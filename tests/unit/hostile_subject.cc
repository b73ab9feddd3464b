/* SPDX-License-Identifier: MIT */
/*
 * hostile_subject.cc - a library with debugging information of many kinds, to be damaged:
 * namespaces, templates, lambdas, inlined calls, several units' worth of types.
 */
#include <cstdlib>
#include <map>
#include <string>

namespace outer
{
namespace
{
struct Node {
	Node *next;
	int value;
};
} // namespace

template <typename T> class List
{
      public:
	~List()
	{
		while (head)
			pop();
	}
	void push(T value)
	{
		head = new Cell{head, value};
	}
	T pop()
	{
		Cell *old = head;
		T value = old->value;

		head = old->next;
		delete old;
		return value;
	}

      private:
	struct Cell {
		Cell *next;
		T value;
	};
	Cell *head = nullptr;
};

static inline int twice(int value)
{
	auto doubled = [value] { return 2 * value; };

	return doubled();
}

int sum(int count)
{
	List<int> numbers;
	int total = 0;

	for (int i = 0; i < count; i++)
		numbers.push(twice(i));
	for (int i = 0; i < count; i++)
		total += numbers.pop();
	return total;
}
} // namespace outer

std::map<std::string, int> known_words;

extern "C" int hostile_subject(int count)
{
	known_words[std::to_string(count)]++;
	return outer::sum(count) + static_cast<int>(known_words.size());
}
