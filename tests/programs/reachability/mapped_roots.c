/* SPDX-License-Identifier: MIT */
/*
 * Memory that the program mapped itself holds blocks: private and shared, anonymous and of
 * a file. Memory that was unmapped again, or that cannot be read, does not.
 */
#include <sys/mman.h>
#include <unistd.h>

#include "leak_case.h"

enum {
	BYTES = 64 * 4096
};

static LEAK_SITE void *map(int flags, int fd)
{
	void *map = mmap(NULL, BYTES, PROT_READ | PROT_WRITE, flags, fd, 0);

	if (map == MAP_FAILED)
		abort();
	return map;
}

static LEAK_SITE void build(void)
{
	int fd = memfd_create("root", MFD_CLOEXEC);
	void *area, *block;

	if (fd < 0 || ftruncate(fd, BYTES) < 0)
		abort();
	area = map(MAP_PRIVATE | MAP_ANONYMOUS, -1);
	leak_put(area, 700, leak_block(31, LEAK_REACHABLE));
	leak_put(area, 30000, leak_inside(leak_block(32, LEAK_POSSIBLE), 9));
	leak_put(map(MAP_SHARED | MAP_ANONYMOUS, -1), 701, leak_block(33, LEAK_REACHABLE));
	leak_put(map(MAP_PRIVATE, fd), 702, leak_block(34, LEAK_REACHABLE));
	block = leak_block(36, LEAK_REACHABLE);
	leak_put(block, 1, leak_block(37, LEAK_REACHABLE));
	leak_put(map(MAP_SHARED, fd), 5000, block);

	area = map(MAP_PRIVATE | MAP_ANONYMOUS, -1);
	leak_put(area, 703, leak_block(38, LEAK_DEFINITE));
	if (munmap(area, BYTES))
		abort();
	area = map(MAP_PRIVATE | MAP_ANONYMOUS, -1);
	leak_put(area, 704, leak_block(39, LEAK_DEFINITE));
	if (mprotect(area, BYTES, PROT_NONE))
		abort();
}

int main(void)
{
	return leak_case(build);
}
