/* SPDX-License-Identifier: MIT */
#include "descriptor.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/stat.h>
#include <sys/resource.h>

#include "sys.h"
#include "text.h"

#define SUFFIXES_MOST 10000u
#define HIGH_DESCRIPTOR 1000

int descriptor_raise(int fd)
{
	struct rlimit limit = {0};
	int lowest = HIGH_DESCRIPTOR;
	long high;

	if (SYS4(SYS_prlimit64, 0, RLIMIT_NOFILE, NULL, &limit) == 0 &&
	    limit.rlim_cur <= HIGH_DESCRIPTOR)
		lowest = limit.rlim_cur > 32 ? (int)limit.rlim_cur - 16 : fd;
	if (lowest <= fd)
		return fd;
	high = SYS3(SYS_fcntl, fd, F_DUPFD_CLOEXEC, lowest);
	if (high < 0)
		return fd;
	sys_close(fd);
	return (int)high;
}

int descriptor_identify(int fd, uint64_t *ret_device, uint64_t *ret_inode)
{
	struct statx st;
	long r = sys_call(SYS_statx, fd, (long)"", AT_EMPTY_PATH, STATX_INO, (long)&st, 0);

	if (r < 0)
		return (int)r;
	*ret_device = (uint64_t)st.stx_dev_major << 32 | st.stx_dev_minor;
	*ret_inode = st.stx_ino;
	return 0;
}

bool descriptor_is(int fd, uint64_t device, uint64_t inode)
{
	uint64_t found_device, found_inode;

	return descriptor_identify(fd, &found_device, &found_inode) == 0 &&
	       found_device == device && found_inode == inode;
}

int descriptor_create(const char *path, char *ret_path, size_t bytes)
{
	const int flags = O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY;
	struct text text;
	int fd = -EEXIST;

	for (unsigned i = 0; fd == -EEXIST && i < SUFFIXES_MOST; i++) {
		text_init(&text, ret_path, bytes);
		text_add(&text, path);
		if (i) {
			text_add_char(&text, '.');
			text_add_number(&text, i);
		}
		if (text.cut)
			return -ENAMETOOLONG;
		fd = sys_open(ret_path, flags, 0600);
	}
	return fd;
}
