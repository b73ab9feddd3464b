/* SPDX-License-Identifier: MIT */
#include "running.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mft_format.h"

/* Reads a small file of /proc; returns its length, 0 where it cannot be read. */
static size_t read_small(const char *path, char *text, size_t bytes)
{
	FILE *file = fopen(path, "re");
	size_t length = 0;

	if (file) {
		length = fread(text, 1, bytes - 1, file);
		fclose(file);
	}
	text[length] = '\0';
	return length;
}

static unsigned hex_value(char c)
{
	return isdigit((unsigned char)c) ? (unsigned)(c - '0')
					 : (unsigned)(tolower((unsigned char)c) - 'a' + 10);
}

bool running_is_known(const struct mft_header *header)
{
	char text[64];
	uint8_t ours[16] = {0};
	unsigned digits = 0;
	const char *p;

	if (!read_small("/proc/sys/kernel/random/boot_id", text, sizeof(text)))
		return false;
	for (p = text; *p && digits < 32; p++) {
		if (!isxdigit((unsigned char)*p))
			continue;
		ours[digits / 2] = (uint8_t)(ours[digits / 2] << 4 | hex_value(*p));
		digits++;
	}
	return digits == 32 && !memcmp(ours, header->boot_id, sizeof(ours));
}

/* Field 22 of /proc/PID/stat (proc(5)), behind a name that may hold anything; 0: there is
 * no such process, or it is a zombie. */
static uint64_t start_ticks(int32_t pid)
{
	char path[64], text[1024];
	const char *p;
	int field;

	snprintf(path, sizeof(path), "/proc/%" PRId32 "/stat", pid);
	if (!read_small(path, text, sizeof(text)))
		return 0;
	p = strrchr(text, ')');
	if (!p || !p[1] || p[2] == 'Z' || p[2] == 'X')
		return 0;
	p += 2; /* at field 3 */
	for (field = 3; field < 22; field++) {
		p = strchr(p, ' ');
		if (!p)
			return 0;
		p++;
	}
	return strtoull(p, NULL, 10);
}

bool running_now(const struct mft_header *header)
{
	return header->state == MFT_STATE_RUNNING && running_is_known(header) &&
	       header->pid > 0 && header->start_ticks &&
	       start_ticks(header->pid) == header->start_ticks;
}
