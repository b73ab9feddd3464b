/* SPDX-License-Identifier: MIT */
/*
 * A library to preload into any program: when the process ends, it writes the RSS of that
 * moment as a line into the file that FRAG_RSS_FILE names. It allocates nothing.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "frag_rss.h"

static void __attribute__((destructor)) write_rss(void)
{
	const char *path = getenv("FRAG_RSS_FILE");
	char line[64];
	int length =
		snprintf(line, sizeof(line), "%d %lld\n", (int)getpid(), frag_rss_bytes());
	int fd = path ? open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600) : -1;

	if (fd < 0)
		return;
	if (write(fd, line, (size_t)length) != length)
		_exit(98);
	close(fd);
}
