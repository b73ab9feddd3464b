/* SPDX-License-Identifier: MIT */
#include "check_words.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "gauge.h"
#include "measured.h"
#include "pathname.h"
#include "printable.h"
#include "verdict.h"

/* Frames of a culprit in a story. */
#define STORY_FRAMES 8

struct figure check_figure(const struct gauge *gauge, double value)
{
	struct figure figure = {.text = "unknown"};

	if (isnan(value))
		return figure;
	switch (gauge->unit) {
	case QUANTITY_BYTES:
		return figure_bytes(value);
	case QUANTITY_COUNT:
		return figure_number(value);
	default:
		snprintf(figure.text, sizeof(figure.text), "%.1f%%", 100 * value);
		return figure;
	}
}

/* As above, but in full where it would look like the other one, which it is not. */
static struct figure distinct(const struct gauge *gauge, double value, double other)
{
	struct figure figure = check_figure(gauge, value);

	if (value == other || isnan(value) || isnan(other) ||
	    strcmp(figure.text, check_figure(gauge, other).text) != 0)
		return figure;
	if (gauge->unit == QUANTITY_BYTES)
		snprintf(figure.text, sizeof(figure.text), "%.40s B",
			 figure_number(value).text);
	else if (gauge->unit == QUANTITY_RATIO)
		snprintf(figure.text, sizeof(figure.text), "%.6f%%", 100 * value);
	return figure;
}

/* A safe copy; frees the text. */
static char *made_safe(char *text, int length)
{
	char *safe = length < 0 ? NULL : printable_new(text);

	if (length >= 0)
		free(text);
	return safe;
}

/* Of a figure that is held to a limit. */
static int judged(const struct verdict *verdict, char **ret_text)
{
	const char *noun = verdict->gauge->noun;
	struct figure value = distinct(verdict->gauge, verdict->value, verdict->limit);
	struct figure limit = distinct(verdict->gauge, verdict->limit, verdict->value);
	struct figure base = check_figure(verdict->gauge, verdict->base);

	if (verdict->kind == VERDICT_REGRESSION)
		return asprintf(ret_text, "%s: %s %s, was %s; up to %s is tolerated",
				verdict->subject, noun, value.text, base.text, limit.text);
	return asprintf(ret_text, "%s: %s %s, %s budget of %s (%s)", verdict->subject, noun,
			isnan(verdict->value) ? "nothing" : value.text,
			verdict->status == VERDICT_FAILED ? "over its" : "in its",
			limit.text, verdict->origin);
}

/* Of a program that the baseline has. */
static int missed(const struct verdict *verdict, char **ret_text)
{
	struct figure base = figure_counted((uint64_t)verdict->base, "process");

	return asprintf(ret_text, "%s: has not run; the baseline has %s of it%s",
			verdict->subject, base.text,
			verdict->status == VERDICT_PASSED ? ", which may be missing" : "");
}

char *check_sentence_new(const struct verdict *verdict)
{
	char *text = NULL;
	int length;

	if (verdict->kind == VERDICT_RECORDING)
		length = asprintf(&text, "%s: the recording is not whole (%s): %s",
				  verdict->subject, verdict->origin,
				  verdict->note ? verdict->note : "");
	else if (verdict->status == VERDICT_UNKNOWN)
		length = asprintf(&text, "%s: %s is not known (%s): %s", verdict->subject,
				  verdict->gauge->noun, verdict->origin,
				  verdict->note ? verdict->note : "");
	else if (verdict->kind == VERDICT_NEW_LEAK)
		length = asprintf(&text,
				  "%s: leaks %s at a call site that leaked nothing in the "
				  "baseline",
				  verdict->subject,
				  check_figure(verdict->gauge, verdict->value).text);
	else if (verdict->kind == VERDICT_MISSING)
		length = missed(verdict, &text);
	else
		length = judged(verdict, &text);
	return made_safe(text, length);
}

char *check_share_new(const struct verdict *verdict, size_t n)
{
	const struct culprit *culprit = &verdict->culprits[n];
	struct gauge unit = {.unit = verdict->gauge->unit == QUANTITY_COUNT
					     ? QUANTITY_COUNT
					     : QUANTITY_BYTES};
	const char *what = verdict->gauge->measure == MEASURE_FRAGMENTATION ? " pinned"
			   : verdict->gauge->measure == MEASURE_RESIDENT    ? " of the peak"
									    : "";
	char *text = NULL;
	int length;

	if (isnan(culprit->base))
		length = asprintf(&text, "%s%s", check_figure(&unit, culprit->value).text,
				  what);
	else
		length = asprintf(&text, "%s%s, was %s",
				  check_figure(&unit, culprit->value).text, what,
				  check_figure(&unit, culprit->base).text);
	return length < 0 ? NULL : text;
}

const char *check_relative(const char *file, const char *root)
{
	size_t length = strlen(root);
	const char *rest = file;
	char *path;
	int found;

	if (length > 0 && !strncmp(file, root, length) && file[length] == '/')
		return file + length + 1;
	/* Where it was built below the root, the compiler was told "../src/file.c". */
	while (!strncmp(rest, "../", 3))
		rest += 3;
	if (length == 0 || rest == file || asprintf(&path, "%s/%s", root, rest) < 0)
		return file;
	found = access(path, F_OK) == 0;
	free(path);
	return found ? rest : file;
}

const struct measured_frame *check_place(const struct measured_site *site, const char *root)
{
	const struct measured_frame *first = NULL;

	for (size_t i = site->shown_begin; i < site->shown_end; i++) {
		const struct measured_frame *frame = &site->frames[i];

		if (!frame->file || !frame->line)
			continue;
		if (*frame->file != '/' || check_relative(frame->file, root) != frame->file)
			return frame;
		if (!first)
			first = frame;
	}
	return first;
}

char *check_frame_place_new(const struct measured_frame *frame, const char *root)
{
	const char *module = frame->module ? pathname_base(frame->module) : "?";
	char *text = NULL;
	int length;

	if (frame->file && frame->line)
		length = asprintf(&text, "%s:%u", check_relative(frame->file, root),
				  frame->line);
	else if (frame->function)
		length = asprintf(&text, "[%s]", module);
	else
		length = asprintf(&text, "%s+0x%" PRIx64, module, frame->address);
	return made_safe(text, length);
}

char *check_frame_new(const struct measured_frame *frame, const char *root)
{
	char *place = check_frame_place_new(frame, root);
	char *text = NULL;
	int length;

	if (!place)
		return NULL;
	length = asprintf(&text, "%s  %s", frame->function ? frame->function : "?", place);
	free(place);
	return made_safe(text, length);
}

static int tell_culprit(const struct verdict *verdict, size_t n, const char *root,
			FILE *out)
{
	const struct measured_site *site = verdict->culprits[n].site;
	char *share = check_share_new(verdict, n);

	if (!share)
		return -1;
	fprintf(out, "\n%s", share);
	free(share);
	for (size_t i = site->shown_begin;
	     i < site->shown_end && i < site->shown_begin + STORY_FRAMES; i++) {
		char *frame = check_frame_new(&site->frames[i], root);

		if (!frame)
			return -1;
		fprintf(out, "\n    %s", frame);
		free(frame);
	}
	return 0;
}

char *check_story_new(const struct verdict *verdict, const char *root)
{
	char *sentence = check_sentence_new(verdict);
	char *next = verdict->next ? printable_new(verdict->next) : NULL;
	char *story = NULL;
	size_t bytes;
	FILE *out = sentence ? open_memstream(&story, &bytes) : NULL;
	int error = 0;

	if (out) {
		fputs(sentence, out);
		if (verdict->note && verdict->status != VERDICT_UNKNOWN)
			fprintf(out, "\n%s", verdict->note);
		for (size_t n = 0; !error && n < verdict->culprits_count; n++)
			error = tell_culprit(verdict, n, root, out);
		if (next)
			fprintf(out, "\nnext: %s", next);
		if (ferror(out))
			error = -1;
		if (fclose(out) == EOF || error) {
			free(story);
			story = NULL;
		}
	}
	free(next);
	free(sentence);
	return story;
}

const char *check_kind_name(const struct verdict *verdict)
{
	static const char *const names[] = {[VERDICT_BUDGET] = "budget",
					    [VERDICT_REGRESSION] = "regression",
					    [VERDICT_NEW_LEAK] = "new-leak",
					    [VERDICT_MISSING] = "missing",
					    [VERDICT_RECORDING] = "recording"};

	return names[verdict->kind];
}

const char *check_status_name(const struct verdict *verdict)
{
	static const char *const names[] = {[VERDICT_PASSED] = "passed",
					    [VERDICT_FAILED] = "failed",
					    [VERDICT_UNKNOWN] = "unknown"};

	return names[verdict->status];
}
