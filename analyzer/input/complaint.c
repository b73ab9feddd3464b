/* SPDX-License-Identifier: MIT */
#include "complaint.h"

#include <stdarg.h>
#include <stdio.h>

/* Replaces bytes that a terminal would act upon: a file's name can hold any of them. */
static void escape(char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < 0x20 || *text == 0x7f)
			*text = '?';
}

void complaint_set(struct complaint *complaint, const char *format, ...)
{
	va_list args;

	if (!complaint)
		return;
	va_start(args, format);
	if (vsnprintf(complaint->text, sizeof(complaint->text), format, args) < 0)
		complaint->text[0] = '\0';
	va_end(args);
	escape(complaint->text);
}
