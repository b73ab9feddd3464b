/* SPDX-License-Identifier: MIT */
#include "scratch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

void scratch_open(struct scratch *scratch)
{
	scratch->fd = memfd_create("dump", MFD_CLOEXEC);
	assert_true(scratch->fd >= 0);
	snprintf(scratch->path, sizeof(scratch->path), "/proc/self/fd/%d", scratch->fd);
}

void scratch_close(struct scratch *scratch)
{
	close(scratch->fd);
}
