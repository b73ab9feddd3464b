/* SPDX-License-Identifier: MIT */
/*
 * test_suppressions.c - both syntaxes, what is refused and why, and what rules fit.
 */
#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>

#include <cmocka.h>

#include "complaint.h"
#include "suppression.h"
#include "suppression_defaults.h"
#include "suppression_match.h"
#include "suppression_syntax.h"

static int read_text(const char *text, struct suppression_list *list,
		     struct complaint *complaint)
{
	return suppression_syntax_read(text, strlen(text), "some.supp", list, complaint);
}

/* ---- Patterns --------------------------------------------------------------------- */

static void patterns_of_valgrind(void **state)
{
	static const struct {
		const char *pattern, *text;
		bool fits;
	} cases[] = {
		{"malloc", "malloc", true},
		{"malloc", "malloc2", false},
		{"malloc", "mallo", false},
		{"m*c", "malloc", true},
		{"m*c", "mc", true},
		{"m*c", "mcd", false},
		{"*", "", true},
		{"", "", true},
		{"", "a", false},
		{"?", "", false},
		{"?", "a", true},
		{"a?c*f", "abcdef", true},
		{"*a*b", "xaxxaxb", true},
		{"*a*b*", "ba", false},
		{"*ab", "aab", true},
		{"**x", "x", true},
		{"*/ld-*.so*", "/lib64/ld-linux-x86-64.so.2", true},
		{"*/ld-*.so*", "/usr/lib/libold-1.so", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(suppression_match_whole(cases[i].pattern, cases[i].text),
				 cases[i].fits);
}

static void patterns_of_lsan(void **state)
{
	static const struct {
		const char *pattern, *text;
		bool fits;
	} cases[] = {
		{"bar", "foobarbaz", true},	{"bar", "foobaz", false},
		{"^bar", "foobar", false},	{"^foo", "foobar", true},
		{"bar$", "foobar", true},	{"bar$", "barfoo", false},
		{"bar$", "barbar", true},	{"^foo$", "foo", true},
		{"^foo$", "foofoo", false},	{"^foo$", "fo", false},
		{"f*r", "xfoobarx", true},	{"^f*r$", "foobar", true},
		{"^f*r$", "foobarx", false},	{"r*f", "foobar", false},
		{"^*bar", "foobar", true},	{"foo*$", "xfooy", true},
		{"a*b*c", "--a--b--c--", true}, {"a*b*c", "--a--c--b--", false},
		{"fo?", "foo", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(suppression_match_within(cases[i].pattern, cases[i].text),
				 cases[i].fits);
}

/* A pattern of stars and a text that never fits take time in proportion, not powers. */
static void patterns_end_in_time(void **state)
{
	char pattern[4001], text[20001];

	(void)state;
	for (size_t i = 0; i < 4000; i++)
		pattern[i] = i % 2 ? 'a' : '*';
	pattern[4000] = '\0';
	memset(text, 'a', 20000);
	text[20000] = '\0';
	assert_true(suppression_match_whole(pattern, text));
	text[19999] = 'b';
	assert_false(suppression_match_whole(pattern, text));
}

/* ---- Syntax ----------------------------------------------------------------------- */

static void both_syntaxes_in_one_file(void **state)
{
	static const char text[] =
		"# a comment\n"
		"\n"
		"leak:libfoo.so\r\n"
		"  leak:^main$  \n"
		"{\n"
		"   one\n"
		"   # within\n"
		"   Memcheck:Leak\n"
		"   match-leak-kinds: definite, possible\n"
		"   fun:malloc\n"
		"   ...\n"
		"   obj:*/libbar.so*\n"
		"   src:main.c:12\n"
		"   src:main.c\n"
		"}\n"
		"{\n  two\n  Memcheck,Helgrind:Leak\n  fun:_ZN3FooC1Ei\n}";
	struct suppression_list list = {NULL, 0, 0};
	struct suppression *rule;

	(void)state;
	assert_int_equal(read_text(text, &list, NULL), 0);
	assert_int_equal(list.count, 4);
	rule = &list.items[0];
	assert_int_equal(rule->syntax, SUPPRESSION_LSAN);
	assert_string_equal(rule->name, "libfoo.so");
	assert_string_equal(rule->origin, "some.supp");
	assert_int_equal(rule->line, 3);
	assert_int_equal(rule->kinds, SUPPRESSION_ALL);
	assert_string_equal(list.items[1].frames[0].pattern, "^main$");
	rule = &list.items[2];
	assert_int_equal(rule->syntax, SUPPRESSION_VALGRIND);
	assert_string_equal(rule->name, "one");
	assert_int_equal(rule->line, 5);
	assert_int_equal(rule->kinds,
			 SUPPRESSION_DEFINITE | SUPPRESSION_POSSIBLE | SUPPRESSION_UNFREED);
	assert_int_equal(rule->count, 5);
	assert_int_equal(rule->frames[0].what, SUPPRESSION_FUNCTION);
	assert_int_equal(rule->frames[1].what, SUPPRESSION_FRAMES);
	assert_int_equal(rule->frames[2].what, SUPPRESSION_OBJECT);
	assert_string_equal(rule->frames[3].pattern, "main.c");
	assert_int_equal(rule->frames[3].line, 12);
	assert_string_equal(rule->frames[4].pattern, "main.c");
	assert_int_equal(rule->frames[4].line, 0);
	assert_string_equal(list.items[3].frames[0].readable, "Foo::Foo(int)");
	suppression_list_done(&list);
}

/* What is about other tools and errors is passed over, whatever is in it. */
static void other_tools_rules(void **state)
{
	static const char text[] =
		"{\n a\n Memcheck:Param\n write(buf)\n fun:write\n}\n"
		"{\n b\n Helgrind:Race\n whatever\n}\n"
		"{\n c\n Memcheck:Addr4\n fun:x\n}\n"
		"{\n d\n Memcheck:Leak\n match-leak-kinds: none\n fun:x\n}\n"
		"{\n e\n Memcheck:Leak\n match-leak-kinds: all\n fun:x\n}\n";
	struct suppression_list list = {NULL, 0, 0};

	(void)state;
	assert_int_equal(read_text(text, &list, NULL), 0);
	assert_int_equal(list.count, 2);
	assert_string_equal(list.items[0].name, "d");
	assert_int_equal(list.items[0].kinds, 0);
	assert_int_equal(list.items[1].kinds, SUPPRESSION_ALL);
	suppression_list_done(&list);
}

static void refused(const char *text, const char *complaint)
{
	struct suppression_list list = {NULL, 0, 0};
	struct complaint got = {""};

	assert_int_equal(read_text("leak:kept\n", &list, NULL), 0);
	assert_int_equal(read_text(text, &list, &got), -EINVAL);
	assert_string_equal(got.text, complaint);
	assert_int_equal(list.count, 1); /* nothing of what was refused stays */
	suppression_list_done(&list);
}

static void what_is_refused(void **state)
{
	(void)state;
	refused("leak:a\nrace:b\n", "line 2: neither leak:PATTERN nor \"{\"");
	refused("leak:\n", "line 1: this pattern would suppress every leak");
	refused("leak:**\n", "line 1: this pattern would suppress every leak");
	refused("leak:^$\n", "line 1: this pattern would suppress every leak");
	refused("fun:malloc\n", "line 1: neither leak:PATTERN nor \"{\"");
	refused("{\n", "line 1: this \"{\" has no \"}\"");
	refused("\n{\n a\n Memcheck:Leak\n fun:x\n", "line 2: this \"{\" has no \"}\"");
	refused("{\n a\n Helgrind:Race\n", "line 1: this \"{\" has no \"}\"");
	refused("{\n}\n", "line 2: a suppression begins with its name");
	refused("{\n a\n fun\n}\n", "line 3: expected TOOL:KIND, such as Memcheck:Leak");
	refused("{\n a\n :Leak\n}\n", "line 3: expected TOOL:KIND, such as Memcheck:Leak");
	refused("{\n a\n Memcheck:\n}\n",
		"line 3: expected TOOL:KIND, such as Memcheck:Leak");
	refused("{\n a\n Memcheck:Leak\n func:x\n}\n",
		"line 4: expected fun:, obj:, src:, \"...\" or \"}\"");
	refused("{\n a\n Memcheck:Leak\n fun:\n}\n", "line 4: no pattern behind the colon");
	refused("{\n a\n Memcheck:Leak\n}\n",
		"line 4: this suppression would take every leak");
	refused("{\n a\n Memcheck:Leak\n ...\n fun:*\n}\n",
		"line 6: this suppression would take every leak");
	refused("{\n a\n Memcheck:Leak\n match-leak-kinds: lost\n fun:x\n}\n",
		"line 4: leak kinds are definite, indirect, possible, reachable, all, "
		"none");
	refused("{\n a\n Memcheck:Leak\n match-leak-kinds:\n fun:x\n}\n",
		"line 4: leak kinds are definite, indirect, possible, reachable, all, "
		"none");
}

static void limits(void **state)
{
	struct suppression_list list = {NULL, 0, 0};
	struct complaint complaint = {""};
	static char text[64 * 1024];
	char *p = text;

	(void)state;
	memset(text, 'x', 5000);
	memcpy(text, "leak:", 5);
	assert_int_equal(suppression_syntax_read(text, 5000, NULL, &list, &complaint),
			 -E2BIG);
	assert_string_equal(complaint.text, "line 1: longer than 4096 bytes");
	assert_int_equal(suppression_syntax_read(text, 4096, NULL, &list, &complaint), 0);
	suppression_list_done(&list);
	assert_int_equal(suppression_syntax_read("leak:a\0b", 8, NULL, &list, &complaint),
			 -EINVAL);
	assert_string_equal(complaint.text, "line 1: a zero byte: this is no text");
	p = stpcpy(p, "{\na\nMemcheck:Leak\n");
	for (int i = 0; i < 257; i++)
		p = stpcpy(p, "fun:x\n");
	p = stpcpy(p, "}\n");
	assert_int_equal(
		suppression_syntax_read(text, (size_t)(p - text), NULL, &list, &complaint),
		-E2BIG);
	assert_string_equal(complaint.text, "line 260: more than 256 frames");
	assert_int_equal(list.count, 0);
	suppression_list_done(&list);
}

/* Every text that is cut short somewhere is read or refused, and leaves nothing behind. */
static void cut_anywhere(void **state)
{
	static const char text[] = "leak:a*b\n{\nn\nMemcheck:Leak\nmatch-leak-kinds:all\n"
				   "fun:f\n...\nobj:o\nsrc:s.c:3\n}\n# end\nleak:z\n";
	size_t read = 0;

	(void)state;
	for (size_t bytes = 0; bytes <= strlen(text); bytes++) {
		struct suppression_list list = {NULL, 0, 0};
		/* A copy of this size, so that a byte too far is seen by a sanitizer. */
		char *copy = malloc(bytes + 1);
		int error;

		assert_non_null(copy);
		memcpy(copy, text, bytes);
		copy = realloc(copy, bytes ? bytes : 1);
		error = suppression_syntax_read(copy, bytes, NULL, &list, NULL);
		assert_true(error == 0 || error == -EINVAL);
		assert_true(error == 0 || list.count == 0);
		read += error == 0;
		suppression_list_done(&list);
		free(copy);
	}
	assert_true(read > 4 && read < strlen(text));
}

/* ---- Stacks ----------------------------------------------------------------------- */

/* The first rule of a text against a stack: malloc, a C++ function, a frame without a name,
 * main. */
static bool fits(const char *text)
{
	static const struct suppression_seen stack[] = {
		{.function = "malloc", .module = "/libmftrace.so"},
		{.function = "Foo::Foo(int)",
		 .linker_name = "_ZN3FooC2Ei",
		 .module = "/opt/lib/libfoo.so.1",
		 .file = "/src/foo/foo.cc",
		 .line = 12},
		{.module = "/opt/lib/libbar.so"},
		{.function = "main", .module = "/bin/prog", .file = "prog.c", .line = 3},
	};
	struct suppression_list list = {NULL, 0, 0};
	bool result;

	assert_int_equal(read_text(text, &list, NULL), 0);
	result = suppression_match(&list.items[0], stack, sizeof(stack) / sizeof(stack[0]));
	suppression_list_done(&list);
	return result;
}

#define FITS(frames) fits("{\n n\n Memcheck:Leak\n" frames "}\n")

static void stacks_by_valgrind(void **state)
{
	(void)state;
	assert_true(FITS("fun:malloc\n"));
	assert_false(FITS("fun:calloc\n"));
	assert_true(FITS("fun:malloc\nfun:Foo::Foo(int)\n"));
	assert_true(FITS("fun:malloc\nfun:_ZN3FooC2Ei\n"));
	assert_true(FITS("fun:malloc\nfun:_ZN3FooC1Ei\n")); /* another of its names */
	assert_false(FITS("fun:malloc\nfun:_ZN3FooC1El\n"));
	assert_true(FITS("fun:m*oc\nfun:_ZN3Foo*\nobj:*/libbar.so\nfun:main\n"));
	assert_true(FITS("fun:malloc\nobj:*libfoo*\nfun:*\nobj:/bin/prog\n"));
	assert_true(FITS("fun:malloc\n...\nfun:main\n"));
	assert_true(FITS("...\nfun:main\n"));
	assert_true(FITS("...\nfun:main\n...\n"));
	assert_true(FITS("...\nfun:malloc\n...\nobj:*/libbar*\n"));
	assert_false(FITS("fun:malloc\nfun:main\n"));
	assert_false(FITS("fun:Foo::Foo(int)\n"));	   /* not at the top */
	assert_false(FITS("...\nfun:main\nfun:_start\n")); /* the stack ends */
	assert_false(FITS("...\nfun:main\n...\nfun:malloc\n"));
	assert_true(FITS("fun:malloc\nsrc:foo.cc:12\n"));
	assert_true(FITS("fun:malloc\nsrc:/src/*/foo.cc\n"));
	assert_false(FITS("fun:malloc\nsrc:foo.cc:13\n"));
}

static void stacks_by_lsan(void **state)
{
	(void)state;
	assert_true(fits("leak:Foo::Foo\n"));
	assert_true(fits("leak:libbar.so\n"));
	assert_true(fits("leak:^main$\n"));
	assert_true(fits("leak:foo/foo.cc\n"));
	assert_true(fits("leak:_ZN3Foo\n"));
	assert_false(fits("leak:^Foo$\n"));
	assert_false(fits("leak:libqux\n"));
}

/* ---- Built-in rules --------------------------------------------------------------- */

static bool built_in_fits(const struct suppression_seen *stack, size_t count, unsigned kind)
{
	struct suppression_list list = {NULL, 0, 0};
	bool result = false;

	assert_int_equal(suppression_defaults_add(&list), 0);
	assert_true(list.count > 50);
	for (size_t i = 0; i < list.count; i++)
		result |= (list.items[i].kinds & kind) &&
			  suppression_match(&list.items[i], stack, count);
	suppression_list_done(&list);
	return result;
}

static void built_in_rules(void **state)
{
	static const struct suppression_seen pool[] = {
		{.function = "malloc", .module = "/libmftrace.so"},
		{.module = "/usr/lib/libstdc++.so.6"},
		{.function = "call_init", .module = "/lib64/ld-linux-x86-64.so.2"},
		{.function = "_dl_init", .module = "/lib64/ld-linux-x86-64.so.2"},
	};
	/* A constructor of the program's own that the loader calls. */
	static const struct suppression_seen constructor[] = {
		{.function = "malloc", .module = "/libmftrace.so"},
		{.function = "init", .module = "/opt/libfoo.so"},
		{.function = "call_init", .module = "/lib64/ld-linux-x86-64.so.2"},
		{.function = "_dl_init", .module = "/lib64/ld-linux-x86-64.so.2"},
	};
	static const struct suppression_seen locale[] = {
		{.function = "malloc", .module = "/libmftrace.so"},
		{.module = "/lib/libc.so.6"},
		{.function = "setlocale", .module = "/lib/libc.so.6"},
		{.function = "main", .module = "/bin/prog"},
	};

	(void)state;
	assert_true(built_in_fits(pool, 4, SUPPRESSION_UNFREED));
	assert_true(built_in_fits(pool, 4, SUPPRESSION_REACHABLE));
	assert_false(built_in_fits(pool, 4, SUPPRESSION_DEFINITE));
	assert_false(built_in_fits(constructor, 4, SUPPRESSION_ALL));
	assert_true(built_in_fits(locale, 4, SUPPRESSION_UNFREED));
	assert_false(built_in_fits(locale + 2, 2, SUPPRESSION_ALL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(patterns_of_valgrind),
		cmocka_unit_test(patterns_of_lsan),
		cmocka_unit_test(patterns_end_in_time),
		cmocka_unit_test(both_syntaxes_in_one_file),
		cmocka_unit_test(other_tools_rules),
		cmocka_unit_test(what_is_refused),
		cmocka_unit_test(limits),
		cmocka_unit_test(cut_anywhere),
		cmocka_unit_test(stacks_by_valgrind),
		cmocka_unit_test(stacks_by_lsan),
		cmocka_unit_test(built_in_rules),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
