/* SPDX-License-Identifier: MIT */
/*
 * text.h - strings built in a caller's buffer, without stdio.
 *
 * Guarantees: always terminated, never beyond the buffer, no allocation, no locale; what
 * does not fit is cut and text.cut says so. Safe in signal handlers.
 */
#ifndef TEXT_H
#define TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct text {
	char *buffer;
	size_t capacity; /* bytes, with the terminator; at least 1 */
	size_t length;
	bool cut;
};

void text_init(struct text *text, char *buffer, size_t capacity);
void text_add(struct text *text, const char *string);
void text_add_bytes(struct text *text, const char *bytes, size_t length);
void text_add_char(struct text *text, char c);
void text_add_number(struct text *text, uint64_t number); /* decimal */
void text_add_hex(struct text *text, uint64_t number);	  /* with 0x in front */

/* Parses a number at *pos in base 10 or 16, moving *pos behind it. Returns whether there
 * was a digit and it fitted into 64 bits. */
bool text_take_number(const char **pos, const char *end, unsigned base,
		      uint64_t *ret_number);

bool text_equal(const char *bytes, size_t length, const char *string);

#endif
