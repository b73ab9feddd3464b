/* SPDX-License-Identifier: MIT */
#include "suppression_match.h"

#include <string.h>

#include "pathname.h"
#include "suppression.h"

/* Valgrind calls a function that has no name so. */
#define NAMELESS "???"

/* Going back to the last star is enough: what an earlier star took can only leave less for
 * the rest. */
bool suppression_match_whole(const char *pattern, const char *text)
{
	const char *after_star = NULL, *resume = NULL;

	while (*text) {
		if (*pattern == '*') {
			after_star = ++pattern;
			resume = text;
		} else if (*pattern == '?' || *pattern == *text) {
			pattern++;
			text++;
		} else if (after_star) {
			pattern = after_star;
			text = ++resume;
		} else {
			return false;
		}
	}
	while (*pattern == '*')
		pattern++;
	return !*pattern;
}

/* Where the first `bytes` of `part` begin in text, or NULL. */
static const char *find(const char *text, const char *part, size_t bytes)
{
	return memmem(text, strlen(text), part, bytes);
}

bool suppression_match_within(const char *pattern, const char *text)
{
	bool tied = *pattern == '^';

	pattern += tied;
	while (*pattern) {
		size_t bytes = strcspn(pattern, "*");
		bool last = !pattern[bytes];
		bool to_end = last && bytes && pattern[bytes - 1] == '$';
		size_t plain = bytes - to_end;
		size_t left = strlen(text);

		if (to_end) {
			if (left < plain || (tied && left != plain))
				return false;
			return memcmp(text + left - plain, pattern, plain) == 0;
		}
		if (tied) {
			if (strncmp(text, pattern, plain) != 0)
				return false;
		} else {
			text = find(text, pattern, plain);
			if (!text)
				return false;
		}
		text += plain;
		tied = false;
		pattern += bytes + !last;
	}
	return true;
}

static bool function_fits(const struct suppression_frame *frame,
			  const struct suppression_seen *seen)
{
	if (!seen->function)
		return suppression_match_whole(frame->pattern, NAMELESS);
	return suppression_match_whole(frame->pattern, seen->function) ||
	       (seen->linker_name &&
		suppression_match_whole(frame->pattern, seen->linker_name)) ||
	       (frame->readable && strcmp(frame->readable, seen->function) == 0);
}

static bool frame_fits(const struct suppression_frame *frame,
		       const struct suppression_seen *seen)
{
	switch (frame->what) {
	case SUPPRESSION_FUNCTION:
		return function_fits(frame, seen);
	case SUPPRESSION_OBJECT:
		return seen->module &&
		       suppression_match_whole(frame->pattern, seen->module);
	case SUPPRESSION_SOURCE:
		return seen->file && (!frame->line || frame->line == seen->line) &&
		       (suppression_match_whole(frame->pattern, seen->file) ||
			suppression_match_whole(frame->pattern, pathname_base(seen->file)));
	case SUPPRESSION_ANYTHING:
		return (seen->function &&
			suppression_match_within(frame->pattern, seen->function)) ||
		       (seen->linker_name && seen->linker_name != seen->function &&
			suppression_match_within(frame->pattern, seen->linker_name)) ||
		       (seen->module &&
			suppression_match_within(frame->pattern, seen->module)) ||
		       (seen->file && suppression_match_within(frame->pattern, seen->file));
	case SUPPRESSION_FRAMES:
		break;
	}
	return false;
}

/* As suppression_match_whole, of frames, but that the stack may go on. */
static bool beginning_fits(const struct suppression *rule,
			   const struct suppression_seen *frames, size_t count)
{
	size_t pattern = 0, at = 0, after_gap = 0, resume = 0;
	bool gap = false;

	while (pattern < rule->count) {
		if (rule->frames[pattern].what == SUPPRESSION_FRAMES) {
			after_gap = ++pattern;
			resume = at;
			gap = true;
		} else if (at < count && frame_fits(&rule->frames[pattern], &frames[at])) {
			pattern++;
			at++;
		} else if (gap && resume < count) {
			pattern = after_gap;
			at = ++resume;
		} else {
			return false;
		}
	}
	return true;
}

bool suppression_match(const struct suppression *rule,
		       const struct suppression_seen *frames, size_t count)
{
	size_t i;

	if (rule->syntax == SUPPRESSION_VALGRIND)
		return beginning_fits(rule, frames, count);
	for (i = 0; i < count; i++) {
		if (frame_fits(&rule->frames[0], &frames[i]))
			return true;
	}
	return false;
}
