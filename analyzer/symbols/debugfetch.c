/* SPDX-License-Identifier: MIT */
#include "debugfetch.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>

/* As elfutils/debuginfod.h declares them. */
typedef void *begin_fn(void);
typedef void end_fn(void *client);
typedef int find_fn(void *client, const unsigned char *build_id, int build_id_bytes,
		    char **ret_path);

/* Whether the user has named a server. */
static bool is_wanted(void)
{
	const char *servers = getenv("DEBUGINFOD_URLS");

	return servers && *servers;
}

static void start(struct debugfetch *fetch)
{
	begin_fn *begin;

	fetch->tried = true;
	fetch->library = dlopen("libdebuginfod.so.1", RTLD_LAZY);
	if (!fetch->library)
		return;
	*(void **)&begin = dlsym(fetch->library, "debuginfod_begin");
	if (begin)
		fetch->client = begin();
}

int debugfetch_get(struct debugfetch *fetch, enum debugfetch_what what,
		   const uint8_t *build_id, size_t build_id_bytes, int *ret_fd)
{
	char *path = NULL;
	find_fn *find;
	int fd;

	if (!is_wanted() || build_id_bytes == 0)
		return -ENOENT;
	if (!fetch->tried)
		start(fetch);
	if (!fetch->client)
		return -ENOSYS;
	*(void **)&find = dlsym(fetch->library, what == DEBUGFETCH_DEBUG
							? "debuginfod_find_debuginfo"
							: "debuginfod_find_executable");
	if (!find)
		return -ENOSYS;
	fd = find(fetch->client, build_id, (int)build_id_bytes, &path);
	free(path);
	if (fd < 0)
		return -ENOENT;
	*ret_fd = fd;
	return 0;
}

void debugfetch_done(struct debugfetch *fetch)
{
	end_fn *end;

	if (fetch->client) {
		*(void **)&end = dlsym(fetch->library, "debuginfod_end");
		if (end)
			end(fetch->client);
	}
	if (fetch->library)
		dlclose(fetch->library);
	*fetch = (struct debugfetch){.tried = false};
}
