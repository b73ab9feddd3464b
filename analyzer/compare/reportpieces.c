/* SPDX-License-Identifier: MIT */
#include "reportpieces.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <zlib.h>

#define BUFFER_BYTES (1u << 18)

/* Depths, in brackets: the report, its processes, one of them, its call sites. */
enum {
	IN_REPORT = 1,
	IN_PROCESSES,
	IN_PROCESS,
	IN_SITES
};

struct text {
	char *bytes;
	size_t count, room, most;
};

struct cutter {
	reportpieces_fn *take;
	void *context;
	struct text rest, element;
	unsigned depth, line, column;
	bool string, escaped;	  /* in a string; behind a backslash in it */
	bool processes, sites;	  /* the brackets of these are open */
	char key[16];		  /* the last string at depths 1 and 3, as far as it fits */
	size_t key_bytes;	  /* its whole length */
	size_t process, elements; /* begun so far: processes, and sites of the last one */
	unsigned element_line, element_column;
	int error;
};

static void append(struct cutter *cutter, struct text *text, char c)
{
	if (text->count == text->room) {
		size_t room = text->room ? 2 * text->room : 4096;
		char *moved = room <= text->most ? realloc(text->bytes, room) : NULL;

		if (!moved) {
			cutter->error = room <= text->most ? -ENOMEM : -EFBIG;
			return;
		}
		text->bytes = moved;
		text->room = room;
	}
	text->bytes[text->count++] = c;
}

static bool is_key(const struct cutter *cutter, const char *key)
{
	return cutter->key_bytes == strlen(key) &&
	       memcmp(cutter->key, key, cutter->key_bytes) == 0;
}

static void in_string(struct cutter *cutter, char c)
{
	if (cutter->escaped)
		cutter->escaped = false;
	else if (c == '\\')
		cutter->escaped = true;
	else if (c == '"')
		cutter->string = false;
	if (!cutter->string)
		return;
	if (cutter->key_bytes < sizeof(cutter->key))
		cutter->key[cutter->key_bytes] = c;
	cutter->key_bytes++;
}

static void open_bracket(struct cutter *cutter, char c)
{
	unsigned outer = cutter->depth++;

	if (outer == IN_REPORT && c == '[')
		cutter->processes = is_key(cutter, "processes");
	if (outer == IN_PROCESSES && cutter->processes)
		cutter->process++;
	if (outer == IN_PROCESS && c == '[' && cutter->processes &&
	    is_key(cutter, "sites")) {
		cutter->sites = true;
		cutter->elements = 0;
	}
}

static void close_bracket(struct cutter *cutter)
{
	if (cutter->depth > 0)
		cutter->depth--;
	if (cutter->depth == IN_PROCESS)
		cutter->sites = false;
	if (cutter->depth == IN_REPORT)
		cutter->processes = false;
}

/* What strings and brackets do, wherever they are. */
static void follow(struct cutter *cutter, char c)
{
	if (cutter->string) {
		in_string(cutter, c);
	} else if (c == '"') {
		cutter->string = true;
		cutter->key_bytes = 0;
	} else if (c == '{' || c == '[') {
		open_bracket(cutter, c);
	} else if (c == '}' || c == ']') {
		close_bracket(cutter);
	}
}

static void end_element(struct cutter *cutter, bool last)
{
	/* Nothing between brackets is no element; nothing behind a comma is a wrong one. */
	if (cutter->element.count == 0) {
		cutter->element_line = cutter->line;
		cutter->element_column = cutter->column;
	}
	if (!last || cutter->element.count > 0 || cutter->elements > 0) {
		cutter->elements++;
		cutter->take(cutter->context, cutter->process - 1,
			     cutter->element.bytes ? cutter->element.bytes : "",
			     cutter->element.count, cutter->element_line,
			     cutter->element_column);
	}
	cutter->element.count = 0;
}

static void cut(struct cutter *cutter, char c)
{
	bool blank = c == ' ' || c == '\t' || c == '\r' || c == '\n';
	bool between = cutter->sites && cutter->depth == IN_SITES && !cutter->string;

	if (c == '\n') {
		cutter->line++;
		cutter->column = 0;
	} else {
		cutter->column++;
	}
	if (!cutter->sites || (between && c == ']')) {
		if (between)
			end_element(cutter, true);
		follow(cutter, c);
		append(cutter, &cutter->rest, c);
		return;
	}
	if (c == '\n')
		append(cutter, &cutter->rest, c);
	if (between && c == ',') {
		end_element(cutter, false);
		return;
	}
	if (blank && cutter->element.count == 0)
		return;
	if (cutter->element.count == 0) {
		cutter->element_line = cutter->line;
		cutter->element_column = cutter->column;
	}
	follow(cutter, c);
	append(cutter, &cutter->element, c);
}

/* What zlib says of a file. */
static int error_of(gzFile file)
{
	int status;

	gzerror(file, &status);
	if (status == Z_ERRNO)
		return errno ? -errno : -EIO;
	return status == Z_MEM_ERROR ? -ENOMEM : -EBADMSG;
}

static int cut_all(struct cutter *cutter, gzFile file)
{
	char *buffer = malloc(BUFFER_BYTES);
	uint64_t total = 0;
	int bytes = 0;

	if (!buffer) {
		gzclose_r(file);
		return -ENOMEM;
	}
	while (!cutter->error && (bytes = gzread(file, buffer, BUFFER_BYTES)) > 0) {
		total += (uint64_t)bytes;
		if (total > REPORTPIECES_BYTES_MAX)
			cutter->error = -EFBIG;
		for (int i = 0; i < bytes && !cutter->error; i++)
			cut(cutter, buffer[i]);
	}
	free(buffer);
	if (!cutter->error && bytes < 0)
		cutter->error = error_of(file);
	/* A compressed file that ends too early reads well up to there. */
	if (!cutter->error && gzclose_r(file) == Z_BUF_ERROR)
		return -EBADMSG;
	if (cutter->error)
		gzclose_r(file);
	return cutter->error;
}

int reportpieces_read(int fd, reportpieces_fn *take, void *context, char **ret_rest,
		      size_t *ret_bytes)
{
	struct cutter cutter = {
		.take = take,
		.context = context,
		.rest.most = REPORTPIECES_REST_MAX,
		.element.most = REPORTPIECES_ELEMENT_MAX,
		.line = 1,
	};
	gzFile file = gzdopen(fd, "rb");
	int error;

	if (!file) {
		close(fd);
		return -ENOMEM;
	}
	gzbuffer(file, BUFFER_BYTES);
	error = cut_all(&cutter, file);
	free(cutter.element.bytes);
	if (error) {
		free(cutter.rest.bytes);
		return error;
	}
	*ret_rest = cutter.rest.bytes;
	*ret_bytes = cutter.rest.count;
	return 0;
}
