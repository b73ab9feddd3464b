/* SPDX-License-Identifier: MIT */
#include "suppression_defaults.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "suppression.h"

/* Functions of libraries that call nobody back: all that is allocated on their behalf is
 * their own. */
static const struct {
	const char *name;
	const char *functions; /* linker's names, parted by spaces */
} within[] = {
	{"libstdc++: reserve for exceptions", "_GLOBAL__sub_I__ZN9__gnu_cxx9__freeresEv"},
	{"libstdc++: locales", "_ZNSt6localeC?EPKc _ZNSt8ios_base4InitC?Ev"},
	{"libc: exit and fork handlers", "__cxa_atexit __new_exitfn on_exit "
					 "__cxa_thread_atexit_impl __register_atfork"},
	/* The environment is the library's once it was changed. */
	{"libc: environment", "setenv putenv unsetenv __add_to_environ"},
	{"libc: locales", "setlocale newlocale"},
	{"libc: character sets", "__gconv_find_transform __gconv_lookup_cache "
				 "__gconv_load_cache __wcsmbs_load_conv btowc"},
	{"libc: messages", "bindtextdomain bind_textdomain_codeset textdomain gettext "
			   "dgettext dcgettext ngettext dngettext dcngettext "
			   "__dcigettext strerror strerror_l strsignal dlerror"},
	{"libc: time zone",
	 "tzset __tz_convert localtime localtime_r mktime ctime ctime_r strftime "
	 "strftime_l wcsftime"},
	/* Results in buffers of the library's, and the configuration that says whom to
	 * ask. */
	{"libc: name services",
	 "getpwnam getpwnam_r getpwuid getpwuid_r getpwent getpwent_r getgrnam getgrnam_r "
	 "getgrgid getgrgid_r getgrent getgrent_r getspnam getspnam_r getspent "
	 "gethostbyname gethostbyname_r gethostbyname2 gethostbyname2_r gethostbyaddr "
	 "gethostbyaddr_r gethostent getservbyname getservbyname_r getservbyport "
	 "getservbyport_r getservent getprotobyname getprotobynumber getprotoent "
	 "getnetbyname getnetbyaddr getnetgrent initgroups __nss_* __check_pf"},
	{"libc: resolver", "__res_*init* __resolv_conf_* __resolv_context_get*"},
	{"libc: terminals, logins, mounts", "ttyname getpass openlog getmntent getfsent"},
	{"GLib: names of types and strings",
	 "g_type_register_* g_type_add_interface_static g_quark_from_* g_intern_*"},
	{"GLib: character sets",
	 "g_get_charset g_get_filename_charsets g_get_language_names*"},
	{"GLib: locks", "g_mutex_lock g_rec_mutex_lock g_rw_lock_reader_lock "
			"g_rw_lock_writer_lock g_private_get g_private_set"},
};

/* Functions that allocate themselves. Streams are reported where they are lost, their
 * buffers are not. */
static const struct {
	const char *name;
	const char *functions;
} directly[] = {
	{"libc: buffers of streams",
	 "_IO_file_doallocate _IO_wfile_doallocate _IO_wdoallocbuf"},
	{"libc: thread-specific data", "__pthread_setspecific pthread_setspecific"},
	{"libc: messages", "_dlerror_run"},
};

#define LOADER "*/ld-*.so*"
#define LIBSTDCXX "*/libstdc++.so*"

/* Libraries that allocate by themselves for themselves only; the innermost frames. */
static const struct {
	const char *name;
	const char *objects[5];
} libraries[] = {
	/* Modules, search paths, threads' tables of thread-local storage. */
	{"loader: its own tables", {LOADER}},
	{"libgcc: unwinder", {"*/libgcc_s.so*"}},
	{"libgomp: threads", {"*/libgomp.so*"}},
	/* For exceptions when memory has run out: from a constructor of the library's, of
	 * which a stripped one names nothing. */
	{"libstdc++: reserve for exceptions", {LIBSTDCXX, LOADER}},
	{"libstdc++: reserve for exceptions", {LIBSTDCXX, LIBSTDCXX, LOADER}},
	{"libstdc++: reserve for exceptions", {LIBSTDCXX, LIBSTDCXX, LIBSTDCXX, LOADER}},
};

static struct suppression *add_rule(struct suppression_list *list, const char *name)
{
	struct suppression *rule = suppression_list_add(list);

	if (!rule)
		return NULL;
	rule->syntax = SUPPRESSION_VALGRIND;
	rule->kinds = SUPPRESSION_REACHABLE | SUPPRESSION_POSSIBLE | SUPPRESSION_UNFREED;
	rule->name = strdup(name);
	if (!rule->name || suppression_add_frame(rule, SUPPRESSION_FUNCTION, "*", 1, 0))
		return NULL;
	return rule;
}

/* A rule for each of the functions. Returns 0 or -ENOMEM. */
static int add_functions(struct suppression_list *list, const char *name,
			 const char *functions, bool gap)
{
	while (*functions) {
		size_t bytes = strcspn(functions, " ");
		struct suppression *rule = add_rule(list, name);

		if (!rule)
			return -ENOMEM;
		if (gap && suppression_add_frame(rule, SUPPRESSION_FRAMES, NULL, 0, 0))
			return -ENOMEM;
		if (suppression_add_frame(rule, SUPPRESSION_FUNCTION, functions, bytes, 0))
			return -ENOMEM;
		functions += bytes;
		functions += strspn(functions, " ");
	}
	return 0;
}

static int add_library(struct suppression_list *list, size_t which)
{
	struct suppression *rule = add_rule(list, libraries[which].name);
	const char *const *object = libraries[which].objects;

	if (!rule)
		return -ENOMEM;
	for (; *object; object++) {
		if (suppression_add_frame(rule, SUPPRESSION_OBJECT, *object,
					  strlen(*object), 0))
			return -ENOMEM;
	}
	return 0;
}

int suppression_defaults_add(struct suppression_list *list)
{
	const size_t before = list->count;
	int error = 0;
	size_t i;

	for (i = 0; !error && i < sizeof(within) / sizeof(within[0]); i++)
		error = add_functions(list, within[i].name, within[i].functions, true);
	for (i = 0; !error && i < sizeof(directly) / sizeof(directly[0]); i++)
		error = add_functions(list, directly[i].name, directly[i].functions, false);
	for (i = 0; !error && i < sizeof(libraries) / sizeof(libraries[0]); i++)
		error = add_library(list, i);
	if (error)
		suppression_list_cut(list, before);
	return error;
}
