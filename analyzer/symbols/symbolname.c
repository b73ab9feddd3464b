/* SPDX-License-Identifier: MIT */
#include "symbolname.h"

#include <ctype.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <libiberty/demangle.h>

#include "printable.h"

/* Names in hostile files can demangle to almost nothing else than length. */
#define LINKER_NAME_BYTES_MAX 16384

/* ".isra.0", ".cold", ".llvm.123": from the first such suffix on, the name is the
 * compiler's. Not every dot: Go and others use dots in names. */
static void cut_clone_suffix(char *name)
{
	static const char *const suffixes[] = {
		".isra.", ".part.", ".constprop.", ".cold", ".lto_priv.", ".llvm.", "@",
	};
	size_t i;

	for (i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
		char *found = strstr(name, suffixes[i]);

		if (found && found > name)
			*found = '\0';
	}
}

static void cut_clone_note(char *name)
{
	char *note = strstr(name, " [clone ");

	if (note && note > name)
		*note = '\0';
}

char *symbolname_new(const char *linker_name)
{
	char *plain = NULL;
	char *readable = NULL;
	char *result;

	if (strlen(linker_name) < LINKER_NAME_BYTES_MAX)
		plain = strdup(linker_name);
	else
		plain = strndup(linker_name, LINKER_NAME_BYTES_MAX);
	if (!plain)
		return NULL;
	/* glibc's inner alias of a public function. */
	if (!strncmp(plain, "__GI_", 5) && plain[5])
		memmove(plain, plain + 5, strlen(plain + 5) + 1);
	if (!strncmp(plain, "_Z", 2) || !strncmp(plain, "_R", 2) ||
	    !strncmp(plain, "__Z", 3)) {
		char *version = strchr(plain, '@');

		if (version)
			*version = '\0';
		readable = cplus_demangle(plain, DMGL_AUTO | DMGL_PARAMS | DMGL_ANSI);
	}
	if (readable)
		cut_clone_note(readable);
	else
		cut_clone_suffix(plain);
	result = printable_new(readable ? readable : plain);
	free(readable);
	free(plain);
	return result;
}

/* Skips "operator" and the signs behind it, which look like brackets. */
static const char *skip_operator(const char *p)
{
	p += strlen("operator");
	if (!strncmp(p, "()", 2))
		return p + 2;
	while (*p && strchr("<>=-!+*/%^&|~[]", *p))
		p++;
	return p;
}

static bool is_word(char c)
{
	return isalnum((unsigned char)c) || c == '_' || c == '$';
}

static bool at_operator(const char *name, const char *p)
{
	return !strncmp(p, "operator", 8) && !is_word(p[8]) &&
	       (p == name || !is_word(p[-1]));
}

const char *symbolname_qualified(const char *name)
{
	const char *start = name;
	const char *p = name;
	int depth = 0;

	while (*p) {
		if (at_operator(name, p))
			break; /* what follows may hold spaces: "operator new" */
		if (*p == '<' || *p == '{')
			depth++;
		else if (*p == '}' || (*p == '>' && p > name && p[-1] != '-'))
			depth--;
		else if (!strncmp(p, "(anonymous", 10) && depth == 0) {
			/* "(anonymous namespace)" is a part of the name. */
			p = strchr(p, ')');
			if (!p)
				break;
		} else if (*p == '(' && depth == 0 && p > start) {
			break;
		} else if (*p == ' ' && depth == 0 && p[1] != '[' && strncmp(p, " as ", 4))
			start = p + 1;
		p++;
	}
	return start;
}

/* Replaces every bracketed part at depth 0 by its brackets: "f(int)" becomes "f(...)", or
 * "f()" where nothing stood between. In place. */
static void empty_brackets(char *name, char open, char close)
{
	const char *begin = name;
	const char *p = name;
	char *out = name;
	int depth = 0;

	while (*p) {
		if (at_operator(begin, p)) {
			const char *behind = skip_operator(p);

			for (; p < behind; p++) {
				if (depth == 0)
					*out++ = *p;
			}
			continue;
		}
		if (*p == close && depth > 0 && !(close == '>' && p[-1] == '-'))
			depth--;
		if (depth == 0)
			*out++ = *p;
		if (*p == open) {
			/* "<impl ...>" at the front is Rust's way to name a type. */
			if (!(open == '<' && p == begin) &&
			    strncmp(p, "(anonymous", 10) != 0)
				depth++;
		}
		p++;
	}
	*out = '\0';
}

static void replace_all(char *text, const char *from, const char *to)
{
	size_t from_length = strlen(from), to_length = strlen(to);
	char *p = text;

	while ((p = strstr(p, from))) {
		memcpy(p, to, to_length);
		memmove(p + to_length, p + from_length, strlen(p + from_length) + 1);
		p += to_length;
	}
}

static char *cut_tail(const char *name, size_t columns)
{
	size_t keep = printable_fit(name, columns > 1 ? columns - 1 : 1);
	char *cut = malloc(keep + sizeof("…"));

	if (!cut)
		return NULL;
	memcpy(cut, name, keep);
	memcpy(cut + keep, "…", sizeof("…"));
	return cut;
}

char *symbolname_short_new(const char *name, size_t columns)
{
	char *shorter = strdup(symbolname_qualified(name));
	char *cut;

	if (!shorter)
		return NULL;
	replace_all(shorter,
		    "std::__cxx11::basic_string<char, std::char_traits<char>, "
		    "std::allocator<char> >",
		    "std::string");
	replace_all(shorter, "std::__cxx11::", "std::");
	replace_all(shorter, "(anonymous namespace)::", "");
	if (printable_columns(shorter, SIZE_MAX) <= columns)
		return shorter;
	empty_brackets(shorter, '(', ')');
	if (printable_columns(shorter, SIZE_MAX) <= columns)
		return shorter;
	empty_brackets(shorter, '<', '>');
	if (printable_columns(shorter, SIZE_MAX) <= columns)
		return shorter;
	cut = cut_tail(shorter, columns);
	free(shorter);
	return cut;
}
