/* SPDX-License-Identifier: MIT */
#include "maps.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "sys.h"
#include "text.h"

int maps_open(struct maps *maps, char *buffer, size_t bytes)
{
	int fd = sys_open("/proc/self/maps", O_RDONLY | O_CLOEXEC, 0);

	if (fd < 0)
		return fd;
	*maps = (struct maps){.fd = fd, .buffer = buffer, .bytes = bytes, .line = buffer};
	return 0;
}

void maps_close(struct maps *maps)
{
	sys_close(maps->fd);
}

/* "start-end perms offset major:minor inode   path" */
static bool parse(const char *p, const char *end, struct maps_line *ret_line)
{
	struct maps_line line;
	uint64_t start, finish;

	if (!text_take_number(&p, end, 16, &start) || p == end || *p++ != '-' ||
	    !text_take_number(&p, end, 16, &finish) || end - p < 6)
		return false;
	line.start = start;
	line.end = finish;
	line.readable = p[1] == 'r';
	line.writable = p[2] == 'w';
	line.executable = p[3] == 'x';
	line.shared = p[4] == 's';
	p += 6;
	for (int field = 0; field < 2; field++) { /* offset, device */
		p = memchr(p, ' ', (size_t)(end - p));
		if (!p)
			return false;
		p++;
	}
	if (!text_take_number(&p, end, 10, &line.inode))
		return false;
	while (p < end && *p == ' ')
		p++;
	line.path = p;
	line.path_length = (size_t)(end - p);
	*ret_line = line;
	return true;
}

int maps_next(struct maps *maps, struct maps_line *ret_line)
{
	for (;;) {
		size_t left = maps->filled - (size_t)(maps->line - maps->buffer);
		char *newline = memchr(maps->line, '\n', left);
		long got;

		if (newline) {
			struct maps_line line;

			if (!parse(maps->line, newline, &line))
				return -EBADMSG;
			maps->line = newline + 1;
			if (line.end <= maps->position)
				continue;
			if (line.start < maps->position)
				line.start = maps->position;
			maps->position = line.end;
			*ret_line = line;
			return 1;
		}
		memmove(maps->buffer, maps->line, left);
		maps->line = maps->buffer;
		maps->filled = left;
		if (left == maps->bytes)
			return -EBADMSG;
		got = SYS3(SYS_read, maps->fd, maps->buffer + left, maps->bytes - left);
		if (got <= 0)
			return (int)got;
		maps->filled += (size_t)got;
	}
}
