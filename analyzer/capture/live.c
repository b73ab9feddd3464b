/* SPDX-License-Identifier: MIT */
#include "live.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

/* Bits of a pagemap entry: Documentation/admin-guide/mm/pagemap.rst. */
#define PAGE_PRESENT (1ull << 63)
#define PAGE_SWAPPED (1ull << 62)

static int64_t read_memory(void *context, void *buffer, size_t bytes, uint64_t address)
{
	const struct live *live = context;
	struct iovec to = {buffer, bytes};
	struct iovec from = {(void *)(uintptr_t)address, bytes}; /* NOLINT: another's */
	ssize_t got = process_vm_readv(live->pid, &to, 1, &from, 1, 0);

	return got < 0 ? -errno : got;
}

/* Adds runs of the pages that are in memory. */
static int add_pages(struct image *image, size_t index, const uint64_t *entries,
		     size_t count, uint64_t start)
{
	const uint64_t page = image->page_bytes;
	size_t i = 0, end;
	int r = 0;

	while (r == 0 && i < count) {
		if (!(entries[i] & PAGE_PRESENT)) {
			image->mappings[index].absent_pages +=
				(entries[i] & PAGE_SWAPPED) != 0;
			i++;
			continue;
		}
		for (end = i + 1; end < count && (entries[end] & PAGE_PRESENT); end++)
			;
		r = image_add_run(image, index, start + i * page, start + end * page);
		i = end;
	}
	return r;
}

static int add_runs(struct image *image, size_t index, int pagemap)
{
	const struct image_mapping *mapping = &image->mappings[index];
	const uint64_t page = image->page_bytes;
	const uint64_t last = mapping->end;
	uint64_t entries[4096];
	uint64_t at = mapping->start;
	int r = 0;

	while (r == 0 && at < last) {
		size_t pages = (size_t)((last - at) / page);
		ssize_t got;

		if (pages > sizeof(entries) / sizeof(entries[0]))
			pages = sizeof(entries) / sizeof(entries[0]);
		got = pread(pagemap, entries, pages * 8, (off_t)(at / page * 8));
		if (got < 8)
			return got < 0 ? -errno : 0;
		r = add_pages(image, index, entries, (size_t)got / 8, at);
		at += (uint64_t)got / 8 * page;
	}
	return r;
}

/* Whether memory of the process may be read at all. */
static int check_permission(const struct live *live)
{
	char byte;

	for (size_t i = 0; i < live->maps.count; i++) {
		const struct image_raw *raw = &live->maps.items[i];
		int64_t got;

		if (!raw->readable || !raw->header)
			continue;
		got = read_memory((void *)live, &byte, 1, raw->start);
		return got == -EPERM || got == -ESRCH ? (int)got : 0;
	}
	return 0;
}

int live_open(struct live *live, int pid, uint64_t dump_inode)
{
	char path[64];
	int pagemap = -1, r;

	memset(live, 0, sizeof(*live));
	live->pid = pid;
	live->image.page_bytes = (uint32_t)sysconf(_SC_PAGESIZE);
	live->image.read = read_memory;
	live->image.context = live;
	r = procmaps_read(&live->maps, pid, dump_inode);
	if (r == 0)
		r = check_permission(live);
	if (r == 0)
		r = image_build(&live->image, live->maps.items, live->maps.count);
	if (r == 0) {
		snprintf(path, sizeof(path), "/proc/%d/pagemap", pid);
		pagemap = open(path, O_RDONLY | O_CLOEXEC);
		if (pagemap < 0)
			r = -errno;
	}
	for (size_t i = 0; r == 0 && i < live->image.mappings_count; i++) {
		if (live->image.mappings[i].kind != IMAGE_CONST)
			r = add_runs(&live->image, i, pagemap);
	}
	if (pagemap >= 0)
		close(pagemap);
	if (r < 0)
		live_done(live);
	return r;
}

/* "nr args... sp pc", "running", or "-1 sp pc". */
static uint64_t stack_pointer(int pid, int tid)
{
	char path[96], line[256];
	unsigned long long sp = 0;
	char *last, *word;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/syscall", pid, tid);
	file = fopen(path, "re");
	if (!file)
		return 0;
	if (fgets(line, sizeof(line), file)) {
		last = strrchr(line, ' ');
		if (last) {
			*last = '\0';
			word = strrchr(line, ' ');
			sp = word ? strtoull(word, NULL, 16) : 0;
		}
	}
	fclose(file);
	return sp;
}

int live_add_running_threads(struct live *live)
{
	char path[64];
	struct dirent *entry;
	DIR *folder;
	int r = 0;

	snprintf(path, sizeof(path), "/proc/%d/task", live->pid);
	folder = opendir(path);
	if (!folder)
		return -errno;
	while (r == 0 && (entry = readdir(folder))) {
		struct image_thread thread = {.tid = atoi(entry->d_name)};

		if (thread.tid <= 0)
			continue;
		thread.stack = stack_pointer(live->pid, thread.tid);
		r = image_add_thread(&live->image, &thread);
	}
	closedir(folder);
	return r;
}

void live_done(struct live *live)
{
	procmaps_done(&live->maps);
	image_done(&live->image);
	memset(live, 0, sizeof(*live));
}
