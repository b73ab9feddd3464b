/* SPDX-License-Identifier: MIT */
#include "procmaps.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void procmaps_done(struct procmaps *maps)
{
	free(maps->text);
	free(maps->items);
	free(maps->inodes);
	memset(maps, 0, sizeof(*maps));
}

/* The file says nothing about its size. Returns 0 or a negative errno. */
static int read_text(const char *path, char **ret_text)
{
	size_t room = 256 * 1024, bytes = 0;
	char *text = malloc(room), *moved;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	int r = fd < 0 ? -errno : 0;

	if (!text)
		r = -ENOMEM;
	while (r == 0) {
		ssize_t got = read(fd, text + bytes, room - bytes - 1);

		if (got < 0)
			r = -errno;
		if (got <= 0)
			break;
		bytes += (size_t)got;
		if (room - bytes > 4096)
			continue;
		moved = realloc(text, 2 * room);
		if (!moved) {
			r = -ENOMEM;
			break;
		}
		text = moved;
		room *= 2;
	}
	if (fd >= 0)
		close(fd);
	if (r < 0) {
		free(text);
		return r == -ENOENT ? -ESRCH : r;
	}
	text[bytes] = '\0';
	*ret_text = text;
	return 0;
}

static int make_room(struct procmaps *maps)
{
	size_t room = maps->room ? 2 * maps->room : 256;
	struct image_raw *items;
	uint64_t *inodes;

	if (maps->count < maps->room)
		return 0;
	items = reallocarray(maps->items, room, sizeof(*items));
	if (items)
		maps->items = items;
	inodes = reallocarray(maps->inodes, room, sizeof(*inodes));
	if (inodes)
		maps->inodes = inodes;
	if (!items || !inodes)
		return -ENOMEM;
	maps->room = room;
	return 0;
}

/* "start-end perms offset major:minor inode   path"; other lines are of the mapping before:
 * "Name: ...". Returns 1 for the first kind, 0, or -ENOMEM. */
static int take_header(struct procmaps *maps, char *line)
{
	struct image_raw *raw;
	unsigned long start, end, offset, inode;
	char perms[8];
	int at = 0;

	if (sscanf(line, "%lx-%lx %7s %lx %*x:%*x %lu %n", &start, &end, perms, &offset,
		   &inode, &at) < 5 ||
	    at == 0)
		return 0;
	/* A mapping that grows while it is read is listed again, from its old start. */
	if (maps->count && start < maps->items[maps->count - 1].end)
		start = maps->items[maps->count - 1].end;
	if (make_room(maps) < 0)
		return -ENOMEM;
	maps->inodes[maps->count] = inode;
	raw = &maps->items[maps->count++];
	*raw = (struct image_raw){
		.start = start,
		.end = end > start ? end : start,
		.readable = perms[0] == 'r',
		.writable = perms[1] == 'w',
		.executable = perms[2] == 'x',
		.shared = perms[3] == 's',
		.from_file = inode != 0,
		.header = inode != 0 && offset == 0,
		.path = line + at,
	};
	return 1;
}

static uint64_t kilobytes(const char *line, const char *name)
{
	size_t bytes = strlen(name);

	return strncmp(line, name, bytes) == 0 ? strtoull(line + bytes, NULL, 10) * 1024
					       : 0;
}

static void take_detail(struct procmaps *maps, const char *line)
{
	struct image_raw *raw = maps->count ? &maps->items[maps->count - 1] : NULL;

	if (!raw)
		return;
	maps->rss_bytes += kilobytes(line, "Rss:");
	/* All that is not anonymous is of a file, or shared. */
	maps->file_bytes += kilobytes(line, "Rss:");
	maps->file_bytes -= kilobytes(line, "Anonymous:");
	if (strncmp(line, "VmFlags:", 8) == 0 && !raw->from_file && !raw->shared)
		raw->own = strstr(line, " dd") != NULL;
}

int procmaps_read(struct procmaps *maps, int pid, uint64_t dump_inode)
{
	char path[64];
	char *line, *next;
	int r;

	memset(maps, 0, sizeof(*maps));
	snprintf(path, sizeof(path), "/proc/%d/smaps", pid);
	r = read_text(path, &maps->text);
	for (line = maps->text; r == 0 && line && *line; line = next) {
		next = strchr(line, '\n');
		if (next)
			*next++ = '\0';
		r = take_header(maps, line);
		if (r == 0)
			take_detail(maps, line);
		r = r > 0 ? 0 : r;
	}
	for (size_t i = 0; r == 0 && i < maps->count; i++) {
		if (maps->items[i].shared && dump_inode && maps->inodes[i] == dump_inode)
			maps->items[i].own = true;
	}
	if (r == 0 && maps->count == 0)
		r = -ESRCH; /* a process that has ended and was not waited for has none */
	if (r < 0)
		procmaps_done(maps);
	return r;
}
