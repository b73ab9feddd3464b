/* SPDX-License-Identifier: MIT */
#include "fingerprint.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "pathname.h"
#include "symbolname.h"

/* ---- Pieces of names ---------------------------------------------------------------- */

static bool is_word(char c)
{
	return isalnum((unsigned char)c) || c == '_' || c == '$';
}

/* Behind the bracket that closes the one at p; the end where none does. Brackets of other
 * kinds in between need not match: names hold operators. */
static const char *behind_bracket(const char *p, char open, char close)
{
	int depth = 0;

	for (; *p; p++) {
		if (*p == open)
			depth++;
		else if (*p == close && --depth == 0)
			return p + 1;
	}
	return p;
}

/* The length of "operator" and the signs behind it, which look like brackets; 0: there is
 * none at p. */
static size_t operator_bytes(const char *name, const char *p)
{
	size_t bytes = strlen("operator");

	if (strncmp(p, "operator", bytes) || is_word(p[bytes]) ||
	    (p > name && is_word(p[-1])))
		return 0;
	if (!strncmp(p + bytes, "()", 2))
		return bytes + 2;
	return bytes + strspn(p + bytes, "<>=-!+*/%^&|~[],");
}

/* What follows a parameter list, up to the next part of the name. */
static const char *behind_qualifiers(const char *p)
{
	static const char *const words[] = {" const", " volatile", " noexcept", " &&",
					    " &"};
	size_t i = 0;

	while (i < sizeof(words) / sizeof(words[0])) {
		size_t bytes = strlen(words[i]);

		if (!strncmp(p, words[i], bytes) && !is_word(p[bytes])) {
			p += bytes;
			i = 0;
		} else {
			i++;
		}
	}
	return p;
}

/* "{lambda(int)#2}", "{unnamed type#1}", "{{closure}}", "{closure#0}", "{shim:vtable#0}":
 * the word without what numbers it. Returns behind it and moves *out. */
static const char *take_braces(const char *p, char **out)
{
	const char *end = behind_bracket(p, '{', '}');
	const char *word = p + strspn(p, "{");
	size_t bytes = strcspn(word, "(#}'");

	while (bytes > 0 && word[bytes - 1] == ' ')
		bytes--;
	if (word + bytes > end)
		bytes = (size_t)(end - word);
	*(*out)++ = '{';
	memmove(*out, word, bytes);
	*out += bytes;
	*(*out)++ = '}';
	return end;
}

/* "$_0", clang's name of a lambda. */
static size_t clang_lambda_bytes(const char *name, const char *p)
{
	size_t digits;

	if (strncmp(p, "$_", 2) || (p > name && is_word(p[-1])))
		return 0;
	digits = strspn(p + 2, "0123456789");
	return digits && !is_word(p[2 + digits]) ? 2 + digits : 0;
}

static bool opens_parameters(const char *name, const char *p, const char *out,
			     const char *begin)
{
	if (*p != '(' || p == name || !strncmp(p, "(anonymous", 10))
		return false;
	/* Also behind what was taken in braces, and behind "operator". */
	return out > begin && (is_word(out[-1]) || strchr(">}])=-!+*/%^&|~,<", out[-1]));
}

/* ---- Suffixes ----------------------------------------------------------------------- */

/* ".constprop.0.isra.1", ".cold", ".llvm.42" at the end, however many. */
static void cut_copies(char *name)
{
	static const char *const suffixes[] = {
		".isra.", ".part.", ".constprop.", ".cold", ".lto_priv.", ".llvm.",
	};

	for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
		char *found = strstr(name, suffixes[i]);

		if (found && found > name)
			*found = '\0';
	}
}

static void cut_at(char *name, const char *mark)
{
	char *found = strstr(name, mark);

	if (found && found > name)
		*found = '\0';
}

/* ---- Keys --------------------------------------------------------------------------- */

/* Writes the key of a qualified name over it: it never gets longer, but for "$_0", which
 * has room (see the caller). */
static void reduce(const char *name, char *out)
{
	char *const begin = out;
	const char *p = name;
	int depth = 0; /* in template arguments */

	while (*p) {
		size_t bytes = operator_bytes(name, p);

		if (bytes) {
			memcpy(out, p, bytes);
			out += bytes;
			p += bytes;
			/* "operator new", "operator bool" */
			if (*p == ' ' && is_word(p[1]))
				*out++ = *p++;
		} else if (*p == '{') {
			p = take_braces(p, &out);
		} else if (!strncmp(p, "<lambda(", 8)) { /* as DWARF has it */
			p = behind_bracket(p, '<', '>');
			memcpy(out, "{lambda}", 8);
			out += 8;
		} else if ((bytes = clang_lambda_bytes(name, p))) {
			memcpy(out, "{lambda}", 8);
			out += 8;
			p += bytes;
		} else if (!strncmp(p, "[abi:", 5)) {
			p = behind_bracket(p, '[', ']');
		} else if (depth == 0 && opens_parameters(name, p, out, begin)) {
			p = behind_qualifiers(behind_bracket(p, '(', ')'));
		} else if (!strncmp(p, " as ", 4)) { /* Rust's "<TYPE as TRAIT>" */
			memcpy(out, p, 4);
			out += 4;
			p += 4;
		} else if (*p == ' ' && !(is_word(p[1]) && p > name && is_word(p[-1]))) {
			p++;
		} else {
			depth += *p == '<';
			depth -= *p == '>' && depth > 0 && p > name && p[-1] != '-';
			*out++ = *p++;
		}
	}
	*out = '\0';
}

/* Each "$_0" becomes "{lambda}", which is this much longer at most. */
#define LAMBDA_MORE 5

char *fingerprint_function_new(const char *function)
{
	char *copy = strdup(function);
	char *key = NULL;
	size_t room = strlen(function) + 1;

	for (const char *p = function; (p = strstr(p, "$_")); p += 2)
		room += LAMBDA_MORE;
	if (copy)
		key = malloc(room);
	if (key) {
		cut_at(copy, " [clone ");
		cut_copies(copy);
		reduce(symbolname_qualified(copy), key);
	}
	free(copy);
	return key;
}

char *fingerprint_untemplated_new(const char *function_key)
{
	char *key = strdup(function_key);
	const char *p = function_key;
	char *out = key;

	while (key && *p) {
		size_t bytes = operator_bytes(function_key, p);

		/* "<TYPE as TRAIT>::method" is how Rust names a method. */
		if (*p == '<' && p > function_key) {
			p = behind_bracket(p, '<', '>');
			continue;
		}
		for (bytes = bytes ? bytes : 1; bytes > 0; bytes--)
			*out++ = *p++;
	}
	if (key)
		*out = '\0';
	return key;
}

char *fingerprint_module_new(const char *path)
{
	char *name = strdup(pathname_base(path));
	char *so = name ? strstr(name, ".so") : NULL;

	if (so && (so[3] == '.' || !so[3])) {
		char *end = so;

		while (end > name && (isdigit((unsigned char)end[-1]) || end[-1] == '.'))
			end--;
		/* "libfoo-1.2.so", but not "lib1.so" */
		if (end > name && end < so && end[-1] == '-')
			memmove(end - 1, ".so", 4);
		else
			so[3] = '\0';
	}
	return name;
}

static uint64_t fnv1a(uint64_t hash, const char *text)
{
	size_t bytes = strlen(text) + 1; /* the zero byte parts the names */

	for (size_t i = 0; i < bytes; i++)
		hash = (hash ^ (unsigned char)text[i]) * 0x100000001b3ull;
	return hash;
}

uint64_t fingerprint_add(uint64_t fingerprint, const char *function_key,
			 const char *module_key)
{
	fingerprint = fnv1a(fingerprint, function_key ? function_key : "?");
	return fnv1a(fingerprint, module_key ? module_key : "?");
}
