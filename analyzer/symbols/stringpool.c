/* SPDX-License-Identifier: MIT */
#include "stringpool.h"

#include <stdlib.h>
#include <string.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

struct pooled {
	UT_hash_handle hh;
	char text[];
};

struct stringpool {
	struct pooled *strings;
};

struct stringpool *stringpool_new(void)
{
	return calloc(1, sizeof(struct stringpool));
}

void stringpool_free(struct stringpool *pool)
{
	struct pooled *string, *next;

	if (!pool)
		return;
	HASH_ITER (hh, pool->strings, string, next) {
		HASH_DEL(pool->strings, string);
		free(string);
	}
	free(pool);
}

const char *stringpool_add(struct stringpool *pool, const char *text)
{
	size_t length = strlen(text);
	struct pooled *string = NULL;

	HASH_FIND(hh, pool->strings, text, length, string);
	if (string)
		return string->text;
	string = malloc(sizeof(*string) + length + 1);
	if (!string)
		return NULL;
	memcpy(string->text, text, length + 1);
	HASH_ADD_KEYPTR(hh, pool->strings, string->text, length, string);
	if (!string->hh.tbl) {
		free(string);
		return NULL;
	}
	return string->text;
}
