/* SPDX-License-Identifier: MIT */
#include "nextcommand.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void put_word(const char *word, FILE *out)
{
	static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				    "0123456789-._/+,:=@%";

	if (*word && !word[strspn(word, plain)]) {
		fputs(word, out);
		return;
	}
	fputc('\'', out);
	for (; *word; word++) {
		if (*word == '\'')
			fputs("'\\''", out);
		else
			fputc(*word, out);
	}
	fputc('\'', out);
}

char *nextcommand_new(const char *verb, const char *first, const char *second)
{
	char *text = NULL;
	size_t bytes;
	FILE *out = open_memstream(&text, &bytes);

	if (!out)
		return NULL;
	fprintf(out, "mftrace %s ", verb);
	put_word(first, out);
	if (second) {
		fputc(' ', out);
		put_word(second, out);
	}
	if (fclose(out) == EOF) {
		free(text);
		return NULL;
	}
	return text;
}
