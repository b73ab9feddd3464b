/* SPDX-License-Identifier: MIT */
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "truth.h"

#define STATUS_TOO_LONG 99

struct text {
	size_t length;
	char bytes[64 * 1024];
};

static struct text members;
static struct text sites;

static void __attribute__((format(printf, 2, 3)))
add(struct text *text, const char *format, ...)
{
	size_t room = sizeof(text->bytes) - text->length;
	va_list arguments;
	int length;

	va_start(arguments, format);
	length = vsnprintf(text->bytes + text->length, room, format, arguments);
	va_end(arguments);
	if (length < 0 || (size_t)length >= room)
		_exit(STATUS_TOO_LONG);
	text->length += (size_t)length;
}

void truth_number(const char *name, long long value)
{
	add(&members, "\"%s\": %lld, ", name, value);
}

void truth_real(const char *name, double value)
{
	add(&members, "\"%s\": %.9f, ", name, value);
}

void truth_string(const char *name, const char *value)
{
	add(&members, "\"%s\": \"", name);
	for (; *value; value++) {
		if (*value == '"' || *value == '\\' || (unsigned char)*value < 0x20)
			add(&members, "\\u%04x", (unsigned char)*value);
		else
			add(&members, "%c", *value);
	}
	add(&members, "\", ");
}

void truth_json(const char *name, const char *json)
{
	add(&members, "\"%s\": %s, ", name, json);
}

void truth_site(const char *function, const struct truth_count *count, const char *extra)
{
	add(&sites,
	    "%s\"%s\": {\"allocations\": %llu, \"allocated_bytes\": %llu, "
	    "\"live_blocks\": %llu, \"live_bytes\": %llu%s%s}",
	    sites.length ? ", " : "", function, (unsigned long long)count->allocations,
	    (unsigned long long)count->allocated_bytes,
	    (unsigned long long)count->live_blocks, (unsigned long long)count->live_bytes,
	    extra ? ", " : "", extra ? extra : "");
}

static void write_all(int fd, const char *bytes, size_t length)
{
	while (length) {
		ssize_t written = write(fd, bytes, length);

		if (written <= 0)
			_exit(STATUS_TOO_LONG);
		bytes += written;
		length -= (size_t)written;
	}
}

void truth_print_to(int fd)
{
	static struct text whole;

	whole.length = 0;
	add(&whole, "{%.*s\"sites\": {%.*s}}\n", (int)members.length, members.bytes,
	    (int)sites.length, sites.bytes);
	members.length = 0;
	sites.length = 0;
	write_all(fd, whole.bytes, whole.length);
}

void truth_print(void)
{
	const char *own = getenv("TRUTH_FD");
	int fd = own ? atoi(own) : -1;

	truth_print_to(fd >= 0 && fcntl(fd, F_GETFD) >= 0 ? fd : STDOUT_FILENO);
}
