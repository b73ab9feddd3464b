/* SPDX-License-Identifier: MIT */
#include "sys.h"

#include <errno.h>
#include <fcntl.h>

uint32_t sys_confined;

long sys_call_confined(long number, long a, long b, long c, long d, long e, long f)
{
	const long arguments[6] = {a, b, c, d, e, f};

	return sys_is_allowed(number, arguments) ? sys_enter(number, a, b, c, d, e, f)
						 : -EPERM;
}

/* The kernel copies the set before it finds that `how` is none (rt_sigprocmask(2): EFAULT,
 * EINVAL). What it may not be asked is taken for unreadable. */
bool sys_can_read(uintptr_t address)
{
	return SYS4(SYS_rt_sigprocmask, -1, address, 0, 8) == -EINVAL;
}

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
