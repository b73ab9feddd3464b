/* SPDX-License-Identifier: MIT */
/* Finding functions without dlsym: what dlsym finds is the truth. */
#include <dlfcn.h>
#include <elf.h>
#include <link.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <sys/auxv.h>

#include <cmocka.h>

#include "lookup.h"

#define NAMES 64

static void *dlsym_next(const char *name)
{
	return dlsym(RTLD_NEXT, name);
}

/* Functions of one version, of several (the default one counts), weak ones, and aliases. */
static const char *const existing[] = {
	"malloc",      "free",		 "calloc",
	"realloc",     "posix_memalign", "mmap",
	"mmap64",      "munmap",	 "brk",
	"sbrk",	       "_exit",		 "execve",
	"quick_exit",  "pthread_create", "pthread_cond_wait",
	"realpath",    "regexec",	 "sched_getaffinity",
	"posix_spawn", "dlopen",	 "syscall",
	"setjmp",      "memcpy",	 "fopen",
	"nftw",	       "backtrace",	 "environ",
};

static void test_functions_of_libraries(void **state)
{
	void *slots[NAMES] = {0};
	struct lookup names[NAMES];
	size_t count = sizeof(existing) / sizeof(existing[0]), functions = 0;

	(void)state;
	for (size_t i = 0; i < count; i++)
		names[i] = (struct lookup){existing[i], &slots[i]};
	lookup_behind(names, count);
	for (size_t i = 0; i < count; i++) {
		/* A variable is no function. */
		void *expected =
			strcmp(existing[i], "environ") ? dlsym_next(existing[i]) : NULL;

		assert_ptr_equal(slots[i], expected);
		functions += expected != NULL;
	}
	assert_int_equal(functions, count - 1);
}

static void test_what_nobody_defines(void **state)
{
	int untouched;
	void *slots[] = {&untouched, &untouched, &untouched};
	const struct lookup names[] = {
		{"there is no such function", &slots[0]},
		{"malloc", &slots[1]},
		{"", &slots[2]},
	};

	(void)state;
	(void)dlerror();
	assert_int_equal(lookup_behind(names, 3), 1);
	assert_ptr_equal(slots[0], &untouched);
	assert_ptr_equal(slots[1], dlsym_next("malloc"));
	assert_ptr_equal(slots[2], &untouched);
	assert_int_equal(lookup_elsewhere(names, 1), 0);
	/* And nothing waits in the loader to be freed. */
	assert_null(dlerror());
}

/* Every name of the C library that its table has, as the loader finds it. */
static int compare_module(struct dl_phdr_info *info, size_t size, void *data)
{
	size_t *compared = data;
	const ElfW(Sym) *symbols = NULL;
	const char *strings = NULL;
	const uint32_t *gnu = NULL;

	(void)size;
	if (!strstr(info->dlpi_name, "/libc.so"))
		return 0;
	for (size_t i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Dyn) * d;

		if (info->dlpi_phdr[i].p_type != PT_DYNAMIC)
			continue;
		d = (const void *)(info->dlpi_addr + info->dlpi_phdr[i].p_vaddr);
		for (; d->d_tag != DT_NULL; d++) {
			const void *table = (const void *)d->d_un.d_ptr;

			if (d->d_tag == DT_SYMTAB)
				symbols = table;
			else if (d->d_tag == DT_STRTAB)
				strings = table;
			else if (d->d_tag == DT_GNU_HASH)
				gnu = table;
		}
	}
	/* Symbols are sorted behind the first one that can be found; take a thousand. */
	for (uint32_t i = gnu[1]; i < gnu[1] + 1000; i++) {
		const char *name = strings + symbols[i].st_name;
		void *slot = NULL, *expected;
		struct lookup wanted = {name, &slot};

		if ((symbols[i].st_info & 0xf) != STT_FUNC)
			continue;
		expected = dlsym_next(name);
		if (!expected || strstr(name, "atexit"))
			continue;
		lookup_behind(&wanted, 1);
		if (slot != expected)
			fail_msg("%s: %p, dlsym says %p", name, slot, expected);
		++*compared;
	}
	return 1;
}

static void test_a_thousand_names(void **state)
{
	size_t compared = 0;

	(void)state;
	dl_iterate_phdr(compare_module, &compared);
	assert_true(compared > 500);
}

static void test_vdso(void **state)
{
	const void *vdso = (const void *)getauxval(AT_SYSINFO_EHDR);
	void *loaded = dlopen("linux-vdso.so.1", RTLD_LAZY | RTLD_NOLOAD);

	(void)state;
	if (!vdso || !loaded)
		return; /* a kernel without one */
	assert_non_null(dlsym(loaded, "__vdso_clock_gettime"));
	assert_ptr_equal(lookup_in(vdso, "__vdso_clock_gettime"),
			 dlsym(loaded, "__vdso_clock_gettime"));
	assert_null(lookup_in(vdso, "there is no such function"));
	dlclose(loaded);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_functions_of_libraries),
		cmocka_unit_test(test_what_nobody_defines),
		cmocka_unit_test(test_a_thousand_names),
		cmocka_unit_test(test_vdso),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
