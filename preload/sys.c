/* SPDX-License-Identifier: MIT */
#include "sys.h"

#include <fcntl.h>

long sys_read_file(const char *path, char *buffer, size_t bytes)
{
	int fd = sys_open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY, 0);
	size_t length = 0;

	if (fd < 0)
		return fd;
	while (length < bytes - 1) {
		long got = SYS3(SYS_read, fd, buffer + length, bytes - 1 - length);

		if (got <= 0)
			break;
		length += (size_t)got;
	}
	sys_close(fd);
	buffer[length] = '\0';
	return (long)length;
}
