/* SPDX-License-Identifier: MIT */
/* Keys of function and module names: what must not matter does not, what must does. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fingerprint.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const struct {
	const char *name, *key;
} functions[] = {
	{"main", "main"},
	{"f(int, char const*)", "f"},
	{"ns::Foo::bar(std::vector<int, std::allocator<int> > const&) const",
	 "ns::Foo::bar"},
	{"void sort<Order, std::less<Order> >(Order*, Order*)",
	 "sort<Order,std::less<Order>>"},
	{"std::unique_ptr<Foo> make<Foo>()", "make<Foo>"},
	/* copies that a compiler made */
	{"parse.part.0", "parse"},
	{"parse.constprop.0.isra.3", "parse"},
	{"parse.cold", "parse"},
	{"parse.lto_priv.12", "parse"},
	{"ns::parse(int) [clone .isra.0]", "ns::parse"},
	{"ns::parse(int) [clone .part.0] [clone .cold]", "ns::parse"},
	/* numbers that change when another is put in front */
	{"main::{lambda(int)#1}::operator()(int) const", "main::{lambda}::operator()"},
	{"main::{lambda(unsigned int)#22}::operator()(unsigned int) const",
	 "main::{lambda}::operator()"},
	{"run<2, main()::<lambda(int)> >", "run<2,main()::{lambda}>"},
	{"main::<lambda(int)>::operator()", "main::{lambda}::operator()"},
	{"main::$_0::operator()() const", "main::{lambda}::operator()"},
	{"load(char*)::{lambda()#1}::operator()() const::{lambda(int)#2}::operator()(int) "
	 "const",
	 "load::{lambda}::operator()::{lambda}::operator()"},
	{"app::run::{{closure}}", "app::run::{closure}"},
	{"app::run::{closure#3}", "app::run::{closure}"},
	{"<app::Queue as core::ops::Drop>::drop", "<app::Queue as core::ops::Drop>::drop"},
	{"(anonymous namespace)::grow(int)", "(anonymous namespace)::grow"},
	{"a::(anonymous namespace)::Pool<int>::grow()",
	 "a::(anonymous namespace)::Pool<int>::grow"},
	{"name[abi:cxx11](int)", "name"},
	/* operators look like brackets */
	{"Foo::operator()(int)", "Foo::operator()"},
	{"Foo::operator<<(std::ostream&)", "Foo::operator<<"},
	{"Foo::operator->() const", "Foo::operator->"},
	{"Foo::operator[](unsigned long)", "Foo::operator[]"},
	{"Foo::operator new(unsigned long)", "Foo::operator new"},
	{"operator new[](unsigned long)", "operator new[]"},
	{"Foo::operator bool() const", "Foo::operator bool"},
	{"Foo::get() const &", "Foo::get"},
	/* function types as template arguments stay */
	{"call<void (*)(int)>(void (*)(int))", "call<void(*)(int)>"},
	{"pick<unsigned int, char const*>(int)", "pick<unsigned int,char const*>"},
	/* not worth a crash */
	{"", ""},
	{"(", "("},
	{"f(", "f"},
	{"a<b<c", "a<b<c"},
	{"{", "{}"},
	{"x{lambda(", "x{lambda}"},
	{"$_", "$_"},
	{"operator", "operator"},
	{"a [clone ", "a"},
};

static void functions_lose_what_changes(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(functions); i++) {
		char *key = fingerprint_function_new(functions[i].name);
		char *again;

		assert_non_null(key);
		assert_string_equal(key, functions[i].key);
		again = fingerprint_function_new(key);
		assert_string_equal(again, key);
		free(again);
		free(key);
	}
}

static void what_is_another_function_stays_another(void **state)
{
	static const char *const pairs[][2] = {
		{"Pool<Order>::grow()", "Pool<Trade>::grow()"},
		{"a::f(int)", "b::f(int)"},
		{"f::{lambda()#1}::operator()() const", "f()"},
		{"partial", "part"},
		{"Foo::operator[](int)", "Foo::operator()(int)"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(pairs); i++) {
		char *a = fingerprint_function_new(pairs[i][0]);
		char *b = fingerprint_function_new(pairs[i][1]);

		assert_string_not_equal(a, b);
		free(a);
		free(b);
	}
}

static void template_arguments_can_be_left_out(void **state)
{
	static const char *const names[][2] = {
		{"Pool<Order>::grow", "Pool::grow"},
		{"sort<Order,std::less<Order>>", "sort"},
		{"Foo::operator<<", "Foo::operator<<"},
		{"operator->", "operator->"},
		{"<app::Queue as core::ops::Drop>::drop",
		 "<app::Queue as core::ops::Drop>::drop"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(names); i++) {
		char *key = fingerprint_untemplated_new(names[i][0]);

		assert_string_equal(key, names[i][1]);
		free(key);
	}
}

static void modules_lose_folder_and_version(void **state)
{
	static const char *const names[][2] = {
		{"/usr/lib/libfoo.so.1.2.3", "libfoo.so"},
		{"/opt/x/libfoo-1.2.so", "libfoo.so"},
		{"lib1.so", "lib1.so"},
		{"/home/me/program", "program"},
		{"/a/b.sound", "b.sound"},
		{"[vdso]", "[vdso]"},
		{"/plugins/a.so", "a.so"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(names); i++) {
		char *key = fingerprint_module_new(names[i][0]);

		assert_string_equal(key, names[i][1]);
		free(key);
	}
}

/* The recipe is a promise: ids are kept in files and in other tools. The numbers were made
 * by another implementation of FNV-1a. */
static void the_recipe_stays(void **state)
{
	uint64_t one, two;

	(void)state;
	one = fingerprint_add(FINGERPRINT_EMPTY, "main", "program");
	two = fingerprint_add(fingerprint_add(FINGERPRINT_EMPTY, "grow", NULL), "main",
			      "program");
	assert_int_equal(one, 0x972dacdaf9a94d8cull);
	assert_int_equal(two, 0xc23d8150a2d2f750ull);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(functions_lose_what_changes),
		cmocka_unit_test(what_is_another_function_stays_another),
		cmocka_unit_test(template_arguments_can_be_left_out),
		cmocka_unit_test(modules_lose_folder_and_version),
		cmocka_unit_test(the_recipe_stays),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
