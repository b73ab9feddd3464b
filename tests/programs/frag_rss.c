/* SPDX-License-Identifier: MIT */
#include "frag_rss.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static long long read_member(const char *line_start)
{
	static char text[4096];
	ssize_t bytes;
	char *line;
	int fd = open("/proc/self/smaps_rollup", O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	bytes = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (bytes <= 0)
		return -EIO;
	text[bytes] = '\0';
	line = strstr(text, line_start);
	return line ? strtoll(line + strlen(line_start), NULL, 10) * 1024 : -ENODATA;
}

long long frag_rss_bytes(void)
{
	return read_member("\nRss:");
}

long long frag_rss_anonymous_bytes(void)
{
	return read_member("\nAnonymous:");
}
