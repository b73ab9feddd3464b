/* SPDX-License-Identifier: MIT */
#include "printable.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* Length of the well-formed UTF-8 sequence at p, or 0 (Unicode 15, table 3-7). */
static size_t sequence_bytes(const unsigned char *p)
{
	size_t bytes, i;
	unsigned char low = 0x80, high = 0xbf;

	if (p[0] < 0x80)
		return 1;
	if (p[0] < 0xc2 || p[0] > 0xf4)
		return 0;
	bytes = p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
	if (p[0] == 0xe0)
		low = 0xa0;
	else if (p[0] == 0xed)
		high = 0x9f; /* no surrogates */
	else if (p[0] == 0xf0)
		low = 0x90;
	else if (p[0] == 0xf4)
		high = 0x8f;
	if (p[1] < low || p[1] > high)
		return 0;
	for (i = 2; i < bytes; i++) {
		if (p[i] < 0x80 || p[i] > 0xbf)
			return 0;
	}
	return bytes;
}

static bool is_control(const unsigned char *p)
{
	return p[0] < 0x20 || p[0] == 0x7f || (p[0] == 0xc2 && p[1] >= 0x80 && p[1] < 0xa0);
}

/* The code point of a well-formed sequence. */
static uint32_t code_point(const unsigned char *p, size_t bytes)
{
	uint32_t code = bytes == 1 ? p[0] : p[0] & (0xffu >> (bytes + 1));

	for (size_t i = 1; i < bytes; i++)
		code = code << 6 | (p[i] & 0x3f);
	return code;
}

/* What turns text around or ends a line, so that it reads as something else than it is; and
 * what is no character at all, which XML refuses. */
static bool is_deceptive(uint32_t code)
{
	return code == 0x61c || (code >= 0x200b && code <= 0x200f) || code == 0x2028 ||
	       code == 0x2029 || (code >= 0x202a && code <= 0x202e) ||
	       (code >= 0x2060 && code <= 0x206f) || code == 0xfeff ||
	       (code >= 0xfff9 && code <= 0xfffb) || (code >= 0xfdd0 && code <= 0xfdef) ||
	       (code & 0xfffe) == 0xfffe || (code >= 0xe0000 && code <= 0xe007f);
}

static char *copy_escaped(const char *text, bool keep_controls)
{
	static const char digits[] = "0123456789abcdef";
	const unsigned char *p = (const unsigned char *)text;
	char *copy = malloc(strlen(text) * 4 + 1);
	char *out = copy;

	if (!copy)
		return NULL;
	while (*p) {
		size_t bytes = sequence_bytes(p);
		bool escape =
			bytes == 0 || (!keep_controls && is_control(p)) ||
			(bytes > 1 && !keep_controls && is_deceptive(code_point(p, bytes)));

		if (bytes == 0)
			bytes = 1;
		for (; bytes > 0; bytes--, p++) {
			if (!escape) {
				*out++ = (char)*p;
				continue;
			}
			*out++ = '\\';
			*out++ = 'x';
			*out++ = digits[*p >> 4];
			*out++ = digits[*p & 15];
		}
	}
	*out = '\0';
	return copy;
}

char *printable_new(const char *text)
{
	return copy_escaped(text, false);
}

char *printable_utf8_new(const char *text)
{
	return copy_escaped(text, true);
}

static bool begins_character(char c)
{
	return ((unsigned char)c & 0xc0) != 0x80;
}

size_t printable_columns(const char *text, size_t bytes)
{
	size_t columns = 0;
	size_t i;

	for (i = 0; i < bytes && text[i]; i++)
		columns += begins_character(text[i]);
	return columns;
}

size_t printable_fit(const char *text, size_t columns)
{
	size_t i;

	for (i = 0; text[i]; i++) {
		if (begins_character(text[i]) && columns-- == 0)
			break;
	}
	return i;
}
