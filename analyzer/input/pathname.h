/* SPDX-License-Identifier: MIT */
/*
 * pathname.h - the name at the end of a path.
 *
 * Guarantees: no file is looked at. Threads: any. Memory: none.
 */
#ifndef PATHNAME_H
#define PATHNAME_H

#include <string.h>

/* What comes after the last slash, or all of it; "" where a slash is the end. Within path.
 */
static inline const char *pathname_base(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

#endif
