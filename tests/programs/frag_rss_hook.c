/* SPDX-License-Identifier: MIT */
/*
 * A library to preload into any program, behind the recorder: when the process ends, it
 * appends "PID BEFORE AFTER" to the file that FRAG_RSS_FILE names, its RSS in bytes just
 * before and just after the recorder takes its last snapshot.
 *
 * Before: destructors run before functions that were given to on_exit() earlier than main.
 * After: of these, the one that was given first runs last, and libraries that are loaded
 * last are initialized first. It allocates nothing.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "frag_rss.h"

static long long before = -1;

static void write_rss(int status, void *unused)
{
	const char *path = getenv("FRAG_RSS_FILE");
	long long after = frag_rss_bytes();
	char line[96];
	int length = snprintf(line, sizeof(line), "%d %lld %lld\n", (int)getpid(), before,
			      after);
	int fd = path ? open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600) : -1;

	(void)status;
	(void)unused;
	if (fd < 0)
		return;
	if (write(fd, line, (size_t)length) != length)
		_exit(98);
	close(fd);
}

static void __attribute__((constructor)) begin(void)
{
	if (on_exit(write_rss, NULL))
		_exit(98);
}

static void __attribute__((destructor)) look(void)
{
	before = frag_rss_bytes();
}
