/* SPDX-License-Identifier: MIT */
#include "suppression_syntax.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "complaint.h"
#include "suppression.h"

struct parser {
	const char *next, *end;
	/* The line at hand, without white space around it. */
	const char *line;
	size_t length;
	unsigned number;
	const char *origin;
	struct suppression_list *list;
	struct complaint *complaint;
};

static int fail(const struct parser *p, int error, const char *why)
{
	complaint_set(p->complaint, "line %u: %s", p->number, why);
	return error;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\v' || c == '\f';
}

/* The next line that means something. Returns 1, 0 at the end, or a negative errno. */
static int next_line(struct parser *p)
{
	while (p->next < p->end) {
		const char *newline = memchr(p->next, '\n', (size_t)(p->end - p->next));
		const char *stop = newline ? newline : p->end;

		p->line = p->next;
		p->next = newline ? newline + 1 : p->end;
		p->number++;
		while (p->line < stop && is_blank(*p->line))
			p->line++;
		while (stop > p->line && is_blank(stop[-1]))
			stop--;
		p->length = (size_t)(stop - p->line);
		if (p->length == 0 || *p->line == '#')
			continue;
		if (p->length > SUPPRESSION_LINE_BYTES_MAX)
			return fail(p, -E2BIG, "longer than 4096 bytes");
		if (memchr(p->line, '\0', p->length))
			return fail(p, -EINVAL, "a zero byte: this is no text");
		return 1;
	}
	return 0;
}

static bool line_is(const struct parser *p, const char *text)
{
	return p->length == strlen(text) && memcmp(p->line, text, p->length) == 0;
}

/* Whether the line begins with `prefix`; then *ret_rest is what follows, without white
 * space before it. */
static bool line_begins(const struct parser *p, const char *prefix, const char **ret_rest,
			size_t *ret_length)
{
	size_t bytes = strlen(prefix);

	if (p->length < bytes || memcmp(p->line, prefix, bytes) != 0)
		return false;
	*ret_rest = p->line + bytes;
	*ret_length = p->length - bytes;
	while (*ret_length && is_blank(**ret_rest)) {
		(*ret_rest)++;
		(*ret_length)--;
	}
	return true;
}

/* Starts a rule that begins on the line at hand. Returns NULL after complaining. */
static struct suppression *begin_rule(struct parser *p, enum suppression_syntax syntax)
{
	struct suppression *rule;

	if (p->list->count >= SUPPRESSION_RULES_MAX)
		return NULL;
	rule = suppression_list_add(p->list);
	if (!rule)
		return NULL;
	rule->syntax = syntax;
	rule->line = p->number;
	rule->kinds = SUPPRESSION_ALL;
	if (p->origin)
		rule->origin = strdup(p->origin);
	return p->origin && !rule->origin ? NULL : rule;
}

static int begin_failed(const struct parser *p)
{
	if (p->list->count >= SUPPRESSION_RULES_MAX)
		return fail(p, -E2BIG, "more than 100,000 suppressions");
	return fail(p, -ENOMEM, "out of memory");
}

/* ---- LeakSanitizer ---------------------------------------------------------------- */

/* Whether a pattern has nothing to hold on to. */
static bool is_vague(const char *pattern, size_t length)
{
	size_t i;

	for (i = 0; i < length; i++) {
		if (pattern[i] != '*' && pattern[i] != '^' && pattern[i] != '$' &&
		    pattern[i] != '?')
			return false;
	}
	return true;
}

static int read_lsan(struct parser *p, const char *pattern, size_t length)
{
	struct suppression *rule;

	if (is_vague(pattern, length))
		return fail(p, -EINVAL, "this pattern would suppress every leak");
	rule = begin_rule(p, SUPPRESSION_LSAN);
	if (!rule)
		return begin_failed(p);
	rule->name = strndup(pattern, length);
	if (!rule->name ||
	    suppression_add_frame(rule, SUPPRESSION_ANYTHING, pattern, length, 0))
		return fail(p, -ENOMEM, "out of memory");
	return 0;
}

/* ---- Valgrind --------------------------------------------------------------------- */

/* Takes the first word off a list with commas. */
static bool next_word(const char **list, size_t *length, const char **ret_word,
		      size_t *ret_length)
{
	const char *comma = memchr(*list, ',', *length);
	size_t taken = comma ? (size_t)(comma - *list) : *length;
	const char *word = *list;
	size_t bytes = taken;

	if (*length == 0)
		return false;
	while (bytes && is_blank(*word)) {
		word++;
		bytes--;
	}
	while (bytes && is_blank(word[bytes - 1]))
		bytes--;
	*list += taken + (comma ? 1 : 0);
	*length -= taken + (comma ? 1 : 0);
	*ret_word = word;
	*ret_length = bytes;
	return true;
}

/* "definite,possible". Returns whether that is what it says. */
static bool read_kinds(const char *list, size_t length, unsigned *ret_kinds)
{
	static const struct {
		const char *name;
		unsigned bits;
	} names[] = {
		{"definite", SUPPRESSION_DEFINITE}, {"indirect", SUPPRESSION_INDIRECT},
		{"possible", SUPPRESSION_POSSIBLE}, {"reachable", SUPPRESSION_REACHABLE},
		{"all", SUPPRESSION_ALL},	    {"none", 0},
	};
	const char *word;
	size_t bytes, i;
	unsigned kinds = 0;

	if (length == 0)
		return false;
	while (next_word(&list, &length, &word, &bytes)) {
		for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
			if (bytes == strlen(names[i].name) &&
			    memcmp(word, names[i].name, bytes) == 0)
				break;
		}
		if (i == sizeof(names) / sizeof(names[0]))
			return false;
		kinds |= names[i].bits;
	}
	*ret_kinds = kinds ? kinds | SUPPRESSION_UNFREED : 0;
	return true;
}

/* "Memcheck:Leak", "Memcheck,Helgrind:Race". *ret_ours: leaks of memcheck's. */
static bool read_tools(const struct parser *p, bool *ret_ours)
{
	const char *colon = memchr(p->line, ':', p->length);
	const char *tools = p->line, *word;
	size_t length = colon ? (size_t)(colon - p->line) : 0;
	size_t kind_bytes, bytes;
	bool memcheck = false;

	if (!colon || length == 0)
		return false;
	while (next_word(&tools, &length, &word, &bytes)) {
		if (bytes == 0)
			return false;
		memcheck |= bytes == 8 && memcmp(word, "Memcheck", 8) == 0;
	}
	kind_bytes = p->length - (size_t)(colon + 1 - p->line);
	if (kind_bytes == 0)
		return false;
	*ret_ours = memcheck && kind_bytes == 4 && memcmp(colon + 1, "Leak", 4) == 0;
	return true;
}

/* "file.c:12": the line is taken off; "file.c" is any line. */
static unsigned take_line_number(const char *pattern, size_t *length)
{
	unsigned long number = 0;
	size_t digits = 0, scale = 1;

	while (digits < *length && digits < 7) {
		char c = pattern[*length - digits - 1];

		if (c < '0' || c > '9')
			break;
		number += (unsigned long)(c - '0') * scale;
		scale *= 10;
		digits++;
	}
	if (digits == 0 || digits + 1 >= *length || pattern[*length - digits - 1] != ':')
		return 0;
	*length -= digits + 1;
	return (unsigned)number;
}

static int read_frame(struct parser *p, struct suppression *rule)
{
	enum suppression_what what;
	const char *pattern;
	size_t length;
	unsigned line = 0;
	int error;

	if (rule->count >= SUPPRESSION_FRAMES_MAX)
		return fail(p, -E2BIG, "more than 256 frames");
	if (line_is(p, "...")) {
		error = suppression_add_frame(rule, SUPPRESSION_FRAMES, NULL, 0, 0);
		return error ? fail(p, error, "out of memory") : 0;
	}
	if (line_begins(p, "fun:", &pattern, &length))
		what = SUPPRESSION_FUNCTION;
	else if (line_begins(p, "obj:", &pattern, &length))
		what = SUPPRESSION_OBJECT;
	else if (line_begins(p, "src:", &pattern, &length))
		what = SUPPRESSION_SOURCE;
	else
		return fail(p, -EINVAL, "expected fun:, obj:, src:, \"...\" or \"}\"");
	if (length == 0)
		return fail(p, -EINVAL, "no pattern behind the colon");
	if (what == SUPPRESSION_SOURCE)
		line = take_line_number(pattern, &length);
	error = suppression_add_frame(rule, what, pattern, length, line);
	return error ? fail(p, error, "out of memory") : 0;
}

/* Whether some frame of a rule asks for more than any frame. */
static bool holds_on(const struct suppression *rule)
{
	size_t i;

	for (i = 0; i < rule->count; i++) {
		if (rule->frames[i].pattern &&
		    !is_vague(rule->frames[i].pattern, strlen(rule->frames[i].pattern)))
			return true;
	}
	return false;
}

/* The next line, which must be there. */
static int line_within(struct parser *p, unsigned began)
{
	int got = next_line(p);

	if (got == 0) {
		complaint_set(p->complaint, "line %u: this \"{\" has no \"}\"", began);
		return -EINVAL;
	}
	return got < 0 ? got : 0;
}

/* What is between the braces of a rule that counts here. */
static int read_leak_rule(struct parser *p, struct suppression *rule)
{
	unsigned began = rule->line;
	const char *kinds;
	size_t length;
	int error = line_within(p, began);

	if (!error && line_begins(p, "match-leak-kinds:", &kinds, &length)) {
		if (!read_kinds(kinds, length, &rule->kinds))
			return fail(p, -EINVAL,
				    "leak kinds are definite, indirect, possible, "
				    "reachable, all, none");
		error = line_within(p, began);
	}
	while (!error && !line_is(p, "}")) {
		error = read_frame(p, rule);
		if (!error)
			error = line_within(p, began);
	}
	if (!error && !holds_on(rule))
		error = fail(p, -EINVAL, "this suppression would take every leak");
	return error;
}

static int skip_rule(struct parser *p, unsigned began)
{
	int error = 0;

	while (!error && !line_is(p, "}"))
		error = line_within(p, began);
	return error;
}

static int read_valgrind(struct parser *p)
{
	const unsigned began = p->number;
	struct suppression *rule;
	char *name;
	bool ours;
	int error = line_within(p, began);

	if (error)
		return error;
	if (line_is(p, "}"))
		return fail(p, -EINVAL, "a suppression begins with its name");
	name = strndup(p->line, p->length);
	if (!name)
		return fail(p, -ENOMEM, "out of memory");
	error = line_within(p, began);
	if (!error && !read_tools(p, &ours))
		error = fail(p, -EINVAL, "expected TOOL:KIND, such as Memcheck:Leak");
	if (!error && !ours)
		error = skip_rule(p, began);
	if (error || !ours) {
		free(name);
		return error;
	}
	rule = begin_rule(p, SUPPRESSION_VALGRIND);
	if (!rule) {
		free(name);
		return begin_failed(p);
	}
	rule->name = name;
	rule->line = began;
	return read_leak_rule(p, rule);
}

int suppression_syntax_read(const char *text, size_t bytes, const char *origin,
			    struct suppression_list *list, struct complaint *complaint)
{
	struct parser p = {.next = text,
			   .end = text + bytes,
			   .origin = origin,
			   .list = list,
			   .complaint = complaint};
	const size_t before = list->count;
	const char *rest;
	size_t length;
	int got, error = 0;

	while (!error && (got = next_line(&p)) != 0) {
		if (got < 0)
			error = got;
		else if (line_is(&p, "{"))
			error = read_valgrind(&p);
		else if (line_begins(&p, "leak:", &rest, &length))
			error = read_lsan(&p, rest, length);
		else
			error = fail(&p, -EINVAL, "neither leak:PATTERN nor \"{\"");
	}
	if (error)
		suppression_list_cut(list, before);
	return error;
}
