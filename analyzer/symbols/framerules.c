/* SPDX-License-Identifier: MIT */
#include "framerules.h"

#include <stddef.h>
#include <string.h>

#include "symbolname.h"

enum match {
	MATCH_WHOLE, /* the name, up to its arguments */
	MATCH_PREFIX
};

/* A frame matches where the qualified name does and, if the rule names one, the module
 * begins so. */
struct rule {
	enum match match;
	const char *function; /* NULL: any */
	const char *module;   /* NULL: any */
};

static const struct rule runtime_rules[] = {
	/* The recorder itself. */
	{MATCH_WHOLE, NULL, "libmftrace.so"},
	/* The C library's allocator, by its public and inner names. */
	{MATCH_WHOLE, "malloc", NULL},
	{MATCH_WHOLE, "calloc", NULL},
	{MATCH_WHOLE, "realloc", NULL},
	{MATCH_WHOLE, "reallocarray", NULL},
	{MATCH_WHOLE, "free", NULL},
	{MATCH_WHOLE, "posix_memalign", NULL},
	{MATCH_WHOLE, "aligned_alloc", NULL},
	{MATCH_WHOLE, "memalign", NULL},
	{MATCH_WHOLE, "valloc", NULL},
	{MATCH_WHOLE, "pvalloc", NULL},
	{MATCH_PREFIX, "__libc_malloc", "libc.so"},
	{MATCH_PREFIX, "__libc_calloc", "libc.so"},
	{MATCH_PREFIX, "__libc_realloc", "libc.so"},
	{MATCH_PREFIX, "__libc_reallocarray", "libc.so"},
	{MATCH_PREFIX, "__libc_memalign", "libc.so"},
	{MATCH_PREFIX, "_int_", "libc.so"},
	{MATCH_PREFIX, "_mid_memalign", "libc.so"},
	{MATCH_PREFIX, "sysmalloc", "libc.so"},
	{MATCH_PREFIX, "tcache_", "libc.so"},
	{MATCH_PREFIX, "ptmalloc_init", "libc.so"},
	/* C++: allocation, and the containers and pointers that call it. */
	{MATCH_PREFIX, "operator new", NULL},
	{MATCH_PREFIX, "operator delete", NULL},
	{MATCH_PREFIX, "std::", NULL},
	{MATCH_PREFIX, "__gnu_cxx::", NULL},
	{MATCH_PREFIX, "__cxxabiv1::", NULL},
	{MATCH_PREFIX, "__cxa_allocate_", "libstdc++"},
	{MATCH_PREFIX, "__cxa_allocate_", "libc++"},
	/* Rust: allocation, alloc's, core's and std's containers; also "<alloc::... as
	   ...>". */
	{MATCH_PREFIX, "__rust_", NULL},
	{MATCH_PREFIX, "__rdl_", NULL},
	{MATCH_PREFIX, "__rg_", NULL},
	{MATCH_PREFIX, "alloc::", NULL},
	{MATCH_PREFIX, "core::", NULL},
	{MATCH_PREFIX, "hashbrown::", NULL},
};

static const char *const startup_functions[] = {
	"_start",
	"__libc_start_main",
	"__libc_start_main_impl",
	"__libc_start_call_main",
	"_dl_start_user",
	"_dl_init",
	"call_init",
	"__libc_csu_init",
	"_dl_catch_exception",
	"clone",
	"__clone",
	"clone3",
	"__clone3",
	"start_thread",
	"execute_native_thread_routine", /* of libstdc++'s std::thread */
};

static bool whole_name(const char *name, const char *rule)
{
	size_t length = strlen(rule);

	return !strncmp(name, rule, length) && (!name[length] || name[length] == '(');
}

static bool matches(const struct rule *rule, const char *name, const char *module)
{
	if (rule->module &&
	    (!module || strncmp(module, rule->module, strlen(rule->module))))
		return false;
	if (!rule->function)
		return true;
	if (!name)
		return false;
	if (rule->match == MATCH_WHOLE)
		return whole_name(name, rule->function);
	return !strncmp(name, rule->function, strlen(rule->function));
}

/* Whether a Rust path is of the standard library. */
static bool is_rust_library(const char *path)
{
	static const char *const crates[] = {"alloc::", "core::", "std::", "hashbrown::"};
	size_t i;

	for (i = 0; i < sizeof(crates) / sizeof(crates[0]); i++) {
		if (!strncmp(path, crates[i], strlen(crates[i])))
			return true;
	}
	return false;
}

/* Traits can lie within a function: "<[T]>::to_vec_in::ConvertVec". */
static bool is_rust_library_trait(const char *trait)
{
	if (*trait == '<')
		return trait[1] == '[' || is_rust_library(trait + 1);
	return is_rust_library(trait);
}

/* Methods of Rust types: "<TYPE>::method", "<TYPE as TRAIT>::method". They are the
 * runtime's where the trait (if any) is, and the type is too or is a built-in one, whose
 * name holds no path. The program's types and the program's traits are not. */
static bool is_rust_library_method(const char *name)
{
	const char *type = name + 1;
	const char *as, *end, *path;

	if (*name != '<')
		return false;
	as = strstr(name, " as ");
	end = as ? as : strchr(name, '>');
	if (!end || (as && !is_rust_library_trait(as + 4)))
		return false;
	/* "&mut dyn core::fmt::Write", "[u8]", "fn()" */
	type += strspn(type, "&*[(");
	if (!strncmp(type, "mut ", 4))
		type += 4;
	if (!strncmp(type, "dyn ", 4))
		type += 4;
	path = strstr(type, "::");
	return !path || path >= end || is_rust_library(type);
}

bool framerules_runtime(const char *function, const char *module)
{
	const char *name = function ? symbolname_qualified(function) : NULL;
	size_t i;

	for (i = 0; i < sizeof(runtime_rules) / sizeof(runtime_rules[0]); i++) {
		if (matches(&runtime_rules[i], name, module))
			return true;
	}
	return name && is_rust_library_method(name);
}

bool framerules_startup(const char *function, const char *module)
{
	size_t i;

	/* execute_native_thread_routine, where the library is stripped. */
	if (!function)
		return module && !strncmp(module, "libstdc++", 9);

	for (i = 0; i < sizeof(startup_functions) / sizeof(char *); i++) {
		if (!strcmp(function, startup_functions[i]))
			return true;
	}
	return false;
}

bool framerules_rust_start(const char *function)
{
	return function && !strncmp(function, "std::rt::lang_start", 19);
}
